# Installs what tools/dependencies.txt lists and the machine lacks. Looks at the machine only: no network when all is there.
# Sourced by ./dev.

# has COMMAND MINIMUM : the command exists and its version is at least so.
has() {
  local found
  command -v "$1" >/dev/null || return 1
  if [ "$1" = go ]; then found=$(go version 2>/dev/null); else found=$("$1" --version 2>/dev/null); fi
  found=$(printf '%s\n' "$found" | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1)
  [ -n "$found" ] && [ "$(printf '%s\n%s\n' "$2" "$found" | sort -V | head -n 1)" = "$2" ]
}

# needed GROUP SOURCE : "name version" of the entries whose condition does not hold.
needed() {
  local group source name version condition
  while read -r group source name version condition; do
    [ "$group" = "$1" ] && [ "$source" = "$2" ] || continue
    if [ -z "$condition" ] || ! eval "$condition" >/dev/null 2>&1; then echo "$name $version"; fi
  done < tools/dependencies.txt
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@"
}

# A machine may have other package sources too; that one of them does not answer is no reason to stop.
install_packages() {
  apt_get update || echo "apt-get update failed in part; trying with what it has"
  apt_get install --no-install-recommends "$@"
}

setup_apt() {
  local group=$1 missing=() name version
  while read -r name version; do
    dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done < <(needed "$group" apt)
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "this is not a Debian machine. Install by hand: ${missing[*]} (tools/dependencies.txt)"
  if [ "$(id -u)" != 0 ]; then
    local by_hand="As root: apt-get install --no-install-recommends ${missing[*]}"
    command -v sudo >/dev/null || fail "packages are missing and there is no sudo. $by_hand"
    sudo -v || fail "packages are missing and sudo refused. $by_hand"
  fi
  step "install ${#missing[@]} packages for $group" "Is the network there? Is it Debian 12?" retried install_packages "${missing[@]}"
}

setup_build() {
  [ "$(uname -m)" = x86_64 ] || fail "only x86_64 is supported; this is $(uname -m)"
  setup_apt build
}

# once STAMP KEY TEXT COMMAND… : runs the step unless the stamp says that it was done for the same key.
once() {
  local stamp=$tools/stamps/$1 key=$2 text=$3
  shift 3
  [ "$(cat "$stamp" 2>/dev/null)" != "$key" ] || return 0
  mkdir -p "$tools/stamps"
  step "$text" "Is the network there? Then again: ./dev setup." retried "$@"
  printf '%s\n' "$key" > "$stamp"
}

hash_of() { cat "$@" | sha256sum | cut -c 1-16; }

install_pypi() {
  [ -x "$tools/python/bin/pip" ] || python3 -m venv "$tools/python" || return 1
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check "$@"
}

setup_pypi() {
  local group=$1 packages=() name version
  while read -r name version; do packages+=("$name==$version"); done < <(needed "$group" pypi)
  [ ${#packages[@]} -eq 0 ] || once "pypi-$group" "${packages[*]}" "install from PyPI: ${packages[*]}" install_pypi "${packages[@]}"
}

# setup_go GROUP [FOLDER] : into build/tools/FOLDER, bin unless it is named: a second version of a program lies beside the first.
setup_go() {
  local group=$1 folder=${2:-bin} name version
  export CGO_ENABLED=0
  while read -r name version; do
    once "go-${2:+$2-}$(basename "$name")" "$version" "go install $(basename "$name") $version" \
      env GOBIN="$tools/$folder" go install "$name@$version"
  done < <(needed "$group" go)
}

setup_go_modules() {
  local folder
  for folder in tests/*/; do
    folder=${folder%/}
    [ -e "$folder/go.sum" ] || continue
    once "go-modules-$(basename "$folder")" "$(hash_of "$folder/go.mod" "$folder/go.sum")" "fetch the Go modules of $folder" \
      go mod download -C "$folder"
  done
}

setup_npm() {
  local lock folder
  for lock in tools/*/package-lock.json tests/*/package-lock.json; do
    [ -e "$lock" ] || continue
    folder=$(dirname "$lock")
    [ -d "$folder/node_modules" ] || rm -f "$tools/stamps/npm-${folder//\//-}"
    once "npm-${folder//\//-}" "$(hash_of "$lock")" "npm packages of $folder" \
      npm ci --prefix "$folder" --no-audit --no-fund --ignore-scripts
  done
}

# CometBFT, which orders the ledger of a network, and what building it takes.
setup_engine() {
  setup_apt engine
  setup_pypi engine
  setup_go engine
}

setup_test() {
  setup_build
  setup_engine
  setup_apt package
  setup_apt test
  setup_pypi test
  setup_go test next
  setup_go_modules
  setup_npm
}
