# Shared by ./dev and its parts: steps with one line each, configure and compile. Sourced, not run.

logs=build/logs
tools=$PWD/build/tools
export PATH="$tools/bin:$tools/python/bin:$PATH" LC_ALL=C.UTF-8
# The compiler cache serves every checkout alike: paths are taken relative to the source.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
[ -t 1 ] && terminal=yes || terminal=

fail() {
  printf '\n./dev: %s\n' "$*" >&2
  exit 1
}

# step TEXT HINT COMMAND… : runs it with its output in a log; prints one line with the time, or the end of the log and the hint.
step() {
  local text=$1 hint=$2 start=$SECONDS log
  shift 2
  mkdir -p "$logs"
  log=$logs/$(printf '%s' "$text" | tr -c 'A-Za-z0-9\n' '-').log
  [ -z "$terminal" ] || printf '  … %s\r' "$text"
  if "$@" >"$log" 2>&1 </dev/null; then
    printf '  ✓ %-58s %4d s\n' "$text" $((SECONDS - start))
  else
    printf '  ✗ %-58s %4d s\n' "$text" $((SECONDS - start))
    tail -n 40 "$log" >&2
    fail "'$text' failed. $hint The whole output: $log"
  fi
}

# For what fetches from the network: three tries.
retried() {
  "$@" || { sleep 3; "$@"; } || { sleep 10; "$@"; }
}

# One compiler a core, but each may need 1.5 GiB.
jobs_for_memory() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 1572864)}' /proc/meminfo)
  [ "$memory" -ge 1 ] || memory=1
  if [ -n "${DEV_JOBS:-}" ]; then echo "$DEV_JOBS"; elif [ "$memory" -lt "$cores" ]; then echo "$memory"; else echo "$cores"; fi
}

# configure PRESET : instant when the build folder is there; ninja itself runs CMake again when something changed.
configure() {
  local preset=$1
  [ ! -e "build/$preset/build.ninja" ] || [ CMakePresets.json -nt "build/$preset/build.ninja" ] || return 0
  step "configure build/$preset" "A missing library: ./dev setup, then again. A stale folder: rm -rf build/$preset." \
    cmake --preset "$preset"
}

# compile PRESET TARGET… : on a terminal ninja shows its own progress; elsewhere one line.
compile() {
  local preset=$1 jobs start=$SECONDS
  shift
  jobs=$(jobs_for_memory)
  local hint="Look for the first 'error:'. If the compiler was killed, memory was short: again with DEV_JOBS=1."
  if [ -z "$terminal" ]; then
    [ -e "build/$preset/.ninja_deps" ] || echo "  … build $preset for the first time: some minutes"
    step "build $preset: $*" "$hint" cmake --build "build/$preset" --parallel "$jobs" --target "$@"
  elif NINJA_STATUS="  [%f/%t, %e s] " cmake --build "build/$preset" --parallel "$jobs" --target "$@"; then
    printf '  ✓ %-58s %4d s\n' "build $preset: $*" $((SECONDS - start))
  else
    fail "building $preset failed. $hint"
  fi
}
