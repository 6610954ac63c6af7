# What tests/run and tests/nightly share. They set `root`, `all_steps`, and functions step_NAME and
# install_tools.

me=tests/$(basename "$0")

usage() {
  sed -n '2,/^set -euo/{/^set -euo/d;s/^# \{0,1\}//;p}' "$root/$me"
}

die() {
  printf '%s: %s\n' "$me" "$1" >&2
  exit 2
}

# --- tools -----------------------------------------------------------------------------------

apt_install() {
  local -a sudo=()
  command -v apt-get >/dev/null || die "please install: $*"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "please install as root: apt-get install $*"
    sudo=(sudo)
  fi
  printf 'tools: apt-get install %s\n' "$*"
  "${sudo[@]}" apt-get -q update >/dev/null &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get -q -y install --no-install-recommends "$@" >/dev/null || die "apt-get failed"
}

find_rust() {
  if ! command -v cargo >/dev/null && [ -x "${HOME:-}/.cargo/bin/cargo" ]; then
    PATH=$HOME/.cargo/bin:$PATH
  fi
  command -v cargo >/dev/null || die "cargo is missing: install Rust with rustup"
  { command -v cc && command -v c++; } >/dev/null || apt_install gcc g++ libc6-dev
}

find_strace() {
  command -v strace >/dev/null || apt_install strace
  COUNTERSIGN_TEST_STRACE=$(command -v strace)
  export COUNTERSIGN_TEST_STRACE
}

# --- run -------------------------------------------------------------------------------------

run_step() {
  local step=$1 started=$SECONDS
  printf '\n== %s\n' "$step"
  if "step_$step"; then
    printf -- '-- %s: passed in %d s\n' "$step" $((SECONDS - started))
  else
    printf -- '-- %s: FAILED after %d s\n' "$step" $((SECONDS - started))
    failed+=("$step")
  fi
}

# What the fault tests counted, and the sum of what cargo test counted. Says nothing when a test
# program of the steps $* ended without a count.
print_count() {
  local passed broken ignored step lost_count=false
  printf '\n== counts\n'
  sed -n 's/^counted: //p' "$test_log"
  printf '\n'
  read -r passed broken ignored < <(awk '
    /^test result: / { passed += $4; failed += $6; ignored += $8 }
    END { print passed + 0, failed + 0, ignored + 0 }
  ' "$test_log")
  for step in "$@"; do
    [[ " ${failed[*]-} " != *" $step "* ]] || lost_count=true
  done
  if [ "$broken" -eq 0 ] && "$lost_count"; then
    printf 'cargo test failed outside of a test: there is no count\n'
  elif [ "$ignored" -gt 0 ]; then
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$broken" "$ignored"
  else
    printf '%d passed, %d failed\n' "$passed" "$broken"
  fi
}

# Runs the steps that were asked for, or all, and leaves their names in `steps`.
run_steps() {
  local step
  steps=("$@")
  [ $# -gt 0 ] || steps=("${all_steps[@]}")
  for step in "${steps[@]}"; do
    [[ " ${all_steps[*]} " == *" $step "* ]] || die "no step '$step'; see $me --help"
  done
  # What the user has set for a ledger of theirs is no business of the tests.
  unset "${!COUNTERSIGN_@}"
  failed=()
  skipped=()
  test_log=$(mktemp)
  trap 'rm -f "$test_log"' EXIT
  install_tools
  for step in "${steps[@]}"; do
    run_step "$step"
  done
  printf '\n'
  [ ${#skipped[@]} -eq 0 ] || printf 'SKIPPED %s\n' "${skipped[@]}"
  [ ${#failed[@]} -eq 0 ] || printf 'FAILED %s\n' "${failed[@]}"
}
