#!/usr/bin/env bash
# Makes .venv at the root of the repository ready: `scripts/setup.sh runtime` or `scripts/setup.sh dev`.
#
# Needs Python 3.11 or later with venv, and nothing else. Takes uv where there is one, else installs it into .venv, else
# goes on with pip. Everything is pinned with hashes in requirements/. The second run finds its stamp and does nothing.
set -euo pipefail

kind=${1:-}
case $kind in
  runtime | dev) ;;
  *)
    echo "usage: scripts/setup.sh runtime|dev" >&2
    exit 2
    ;;
esac

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$PWD
venv=$root/.venv
python=$venv/bin/python

# What the caller's shell set for other projects must not leak into this one.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV CONDA_PREFIX UV_PROJECT_ENVIRONMENT UV_PYTHON PIP_TARGET PIP_PREFIX PIP_USER
unset PIP_REQUIRE_VIRTUALENV
export UV_SYSTEM_CERTS=1 # uv ignores the system's certificates by default and fails behind a company's proxy
# Compiled at once: the first start would else take seconds, and every start where bytecode is not written.
export UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
umask 022 # packages are no secret, and the tests start PostgreSQL as another user when they run as root

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Two scripts at once take turns. The lock is on this file itself, so that nothing is left behind.
if command -v flock >/dev/null 2>&1; then
  exec 9<"$root/scripts/setup.sh"
  flock 9
fi

usable() { "$@" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

stamp_of() { # KIND: what .venv must have been made from
  {
    printf '%s\n' "$1" "$root"
    "$python" -VV
    cat pyproject.toml requirements/*.txt scripts/setup.sh hatch_build.py package-lock.json
    find web sdk/js -type f -not -path '*/dist/*' -exec cksum {} + | sort
  } 2>/dev/null | cksum
}

is_ready() { # a development set-up holds all of the runtime's
  local made
  [ -x "$venv/bin/auricle" ] && usable "$python" || return 1
  for made in dev "$kind"; do
    [ "$(cat "$venv/.auricle-$made" 2>/dev/null)" = "$(stamp_of "$made")" ] && return 0
  done
  return 1
}

make_venv() {
  if [ -e "$venv" ] || [ -L "$venv" ]; then
    if [ "$("$python" -c 'import os, sys; print(os.path.realpath(sys.prefix))' 2>/dev/null)" = "$(cd -P -- "$venv" 2>/dev/null && pwd)" ] &&
      usable "$python"; then
      return
    fi
    say ".venv is broken: it is made anew"
    rm -rf -- "$venv"
  fi
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11 python /usr/bin/python3; do
    usable "$candidate" || continue
    say "making .venv with $("$candidate" -c 'import platform, sys; print(sys.executable, platform.python_version())')"
    "$candidate" -m venv "$venv" >/dev/null 2>&1 && return
    # Debian leaves ensurepip out of its python3: uv, or the system's pip, can do without it.
    rm -rf -- "$venv"
    if command -v uv >/dev/null 2>&1 || "$candidate" -m pip --version >/dev/null 2>&1; then
      "$candidate" -m venv --without-pip "$venv" >/dev/null 2>&1 || continue
      command -v uv >/dev/null 2>&1 && return
      "$candidate" -m pip --python "$python" install --quiet pip >/dev/null 2>&1 && return
      rm -rf -- "$venv"
    fi
    say "$candidate has no working venv"
  done
  die "Python 3.11 or later with venv and pip is needed, and none was found on the PATH"
}

find_cache() { # a home that is missing or read-only has no room for a cache
  local cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
  if [ -n "$cache" ] && mkdir -p -- "$cache" 2>/dev/null && [ -w "$cache" ]; then
    return
  fi
  export UV_CACHE_DIR=$venv/.cache/uv PIP_CACHE_DIR=$venv/.cache/pip
}

with_uv() { # UV FILE…
  local uv=$1 file arguments=()
  shift
  for file; do arguments+=(-r "$file"); done
  "$uv" pip install --quiet --python "$python" --require-hashes "${arguments[@]}" &&
    "$uv" pip install --quiet --python "$python" --no-deps --no-build-isolation --reinstall-package auricle --editable .
}

with_pip() { # FILE…
  local file arguments=()
  for file; do arguments+=(-r "$file"); done
  "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null 2>&1 || return 1
  "$python" -m pip install --quiet --require-hashes "${arguments[@]}" &&
    "$python" -m pip install --quiet --no-deps --no-build-isolation --editable .
}

install() { # FILE…
  local system
  system=$(command -v uv || true)
  if [ -n "$system" ]; then
    say "installing the $kind requirements with uv"
    with_uv "$system" "$@" && return
    say "the uv on the PATH failed"
  fi
  if [ ! -x "$venv/bin/uv" ]; then
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null 2>&1 || true
    "$python" -m pip install --quiet --require-hashes -r requirements/installer.txt >/dev/null 2>&1 || true
  fi
  if [ -x "$venv/bin/uv" ]; then
    say "installing the $kind requirements with the uv of .venv"
    with_uv "$venv/bin/uv" "$@" && return
    say "the uv of .venv failed"
  fi
  say "installing the $kind requirements with pip, which takes some minutes"
  with_pip "$@" || die "the requirements could not be installed; what pip said stands above"
}

is_ready && exit 0
make_venv
find_cache
rm -f -- "$venv"/.auricle-*
started=$SECONDS
files=(requirements/runtime.txt requirements/build.txt)
[ "$kind" = dev ] && files=(requirements/dev.txt requirements/build.txt)
install "${files[@]}"
rm -rf -- "$venv/.cache"
[ -f src/auricle/dashboard/index.html ] ||
  say "the dashboard could not be built: is npm's registry within reach? The API works without; scripts/node.sh npm run build -w web tries again"
[ -f src/auricle/script/auricle.js ] ||
  say "the client for pages could not be built either; scripts/node.sh npm run build -w sdk/js tries again"
"$venv/bin/auricle" --version >/dev/null || die "the command auricle does not start; what it said stands above"
stamp_of "$kind" >"$venv/.auricle-$kind"
say "ready in $((SECONDS - started)) s"
