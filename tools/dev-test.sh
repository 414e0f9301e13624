# ./dev test: builds what the tests need, joins the tests of all builds into one list and runs ctest once over it, so that the last
# lines are ctest's own and count everything. Sourced by ./dev.

# Address and undefined-behaviour sanitizers watch every unit and scenario test and the fuzz targets; the thread sanitizer watches the unit
# tests of the modules that run threads.
concurrent_modules="base crypto storage replica ordering vault exchange edge apps"

# The module order up to replica is built eight ways; the release and the address build are two of them.
core_presets="core-clang-O0 core-clang-O0-address core-clang-O2-address core-gcc-O0 core-gcc-O0-address core-gcc-O2 core-gcc-O2-address"

# test_targets MODULES : the unit test programs of those that have tests.
test_targets() {
  local module
  for module in $1; do
    ! compgen -G "src/$module/*_test.cpp" >/dev/null && ! compgen -G "src/$module/*/*_test.cpp" >/dev/null || echo "${module}_test"
  done
}

build_for_all_tests() {
  local preset targets
  configure release
  compile release all sbom
  configure address
  mapfile -t targets < <(test_targets "$(grep -v '^#' src/modules.txt)")
  compile address canary "${targets[@]}" scenario_test replica_scenario_test fuzz
  mapfile -t targets < <(test_targets "$concurrent_modules")
  configure thread
  compile thread canary "${targets[@]}"
  [ -e tests/golden/CMakeLists.txt ] || return 0
  for preset in $core_presets; do
    configure "$preset"
    compile "$preset" tests/golden/all
  done
}

say_which_data() {
  if [ -d ../shared/data ]; then
    echo "  data: the samples and vectors of the project, and the larger sets of ../shared/data"
  else
    echo "  data: the samples and vectors of the project; there is no ../shared/data with larger sets"
  fi
}

# Where sanitizer tests put what they write: in memory where there is a GiB of it, since they wait for the disk otherwise.
scratch_folder() {
  local free
  free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
  if [ -w /dev/shm ] && [ "${free:-0}" -ge 1048576 ]; then echo /dev/shm; else echo "${TMPDIR:-/tmp}"; fi
}

run_ctest() {
  say_which_data
  export CTEST_OUTPUT_ON_FAILURE=1 UBSAN_OPTIONS=print_stacktrace=1
  export TSAN_OPTIONS="history_size=4 suppressions=$PWD/tests/sanitizers/thread.supp"
  export LSAN_OPTIONS="suppressions=$PWD/tests/sanitizers/leak.supp:print_suppressions=0"
  export ASAN_OPTIONS=detect_stack_use_after_return=1
  export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19 TSAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
  # One more than there are cores: many wait for the disk or for an engine.
  ctest --no-tests=error --parallel "$(($(nproc) + 1))" --timeout 900 "$@" </dev/null
}

run_quick_tests() {
  setup_test
  configure release
  compile release all
  run_ctest --test-dir build/release -R '^(unit|scenario|layout|golden)\.'
}

run_named_tests() {
  setup_test
  configure release
  compile release all
  run_ctest --test-dir build/release -R "$1"
}

run_all_tests() {
  setup_test
  build_for_all_tests
  local joined=(release=build/release '^'
    address=build/address "^canary\.(heap|freed|leak|overflow)\$|^(unit|scenario|fuzz)\."
    thread=build/thread "^canary\.race\$|^unit\.($(tr ' ' '|' <<<"$concurrent_modules"))\$") preset
  if [ -e tests/golden/CMakeLists.txt ]; then
    for preset in $core_presets; do joined+=("$preset=build/$preset" '^golden\.'); done
  fi
  python3 tools/join_tests.py build/test "$(scratch_folder)" "${joined[@]}"
  run_ctest --test-dir build/test
}

run_tests() {
  case "${1:-}" in
    '') run_all_tests ;;
    quick) run_quick_tests ;;
    *) run_named_tests "$1" ;;
  esac
}

# Each fuzz target goes on from its corpus for so many seconds; a crash leaves its input in build/fuzz.
run_fuzz_targets() {
  local seconds=$1 program name
  case "$seconds" in *[!0-9]*|'') fail "fuzz takes a number of seconds, not '$seconds'" ;; esac
  for program in build/address/fuzz/*_fuzz; do
    [ -x "$program" ] || fail "there is no fuzz target in build/address/fuzz"
    name=$(basename "$program" _fuzz)
    mkdir -p "build/fuzz/$name"
    step "fuzz $name for $seconds s" "The input stands in build/fuzz/; run it again with $program FILE." \
      "$program" -max_total_time="$seconds" -rss_limit_mb=4096 -artifact_prefix="build/fuzz/$name-" "build/fuzz/$name" "fuzz/corpus/$name"
  done
}
