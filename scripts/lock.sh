#!/usr/bin/env bash
# Writes requirements/*.txt anew from pyproject.toml and requirements/*.in: exact versions with hashes, for every
# platform and every Python from 3.11 on, and no word of where the packages come from.
# Needs uv on the PATH (or UV=/path/to/uv). Arguments go to uv: `scripts/lock.sh --upgrade`.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

uv=${UV:-uv}
export UV_SYSTEM_CERTS=1
compile() { # OUTPUT ARGUMENTS…
  local output=$1
  shift
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
    --no-emit-index-url --no-emit-find-links --no-config --output-file "$output" "$@"
}

# Later files keep the versions of the earlier ones, so that any of them install together.
compile requirements/runtime.txt pyproject.toml "$@"
compile requirements/dev.txt pyproject.toml --group dev --constraint requirements/runtime.txt "$@"
compile requirements/build.txt requirements/build.in --constraint requirements/dev.txt "$@"
compile requirements/installer.txt requirements/installer.in "$@"

if grep -nE '://|^ *--(index-url|extra-index-url|find-links|trusted-host)' requirements/*.txt; then
  echo "lock: an address got into requirements/*.txt (see above); it must not be committed" >&2
  exit 1
fi
