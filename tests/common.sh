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

# The browser that the inbox is looked at with.
find_browser() {
  local name
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && break
  done
  if ! command -v "$name" >/dev/null; then
    printf 'tools: chromium from Debian\n'
    without_services apt_install chromium
    name=chromium
  fi
  COUNTERSIGN_TEST_CHROMIUM=$(command -v "$name")
  export COUNTERSIGN_TEST_CHROMIUM
}

# The programs that the collector works with. Nothing that comes with them is started.
find_peers() {
  local missing=()
  command -v logger >/dev/null || missing+=(bsdutils)
  [ -x /usr/sbin/rsyslogd ] || missing+=(rsyslog)
  [ -e /usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so ] ||
    ls /usr/lib/*/rsyslog/lmnsd_gtls.so >/dev/null 2>&1 || missing+=(rsyslog-gnutls)
  [ -x /usr/lib/postgresql/15/bin/initdb ] || missing+=(postgresql-15)
  [ -e /usr/lib/postgresql/15/lib/pgaudit.so ] || missing+=(postgresql-15-pgaudit)
  command -v psql >/dev/null || missing+=(postgresql-client-15)
  [ -x /usr/sbin/sshd ] || missing+=(openssh-server)
  command -v ssh-keygen >/dev/null || missing+=(openssh-client)
  command -v journalctl >/dev/null || missing+=(systemd)
  [ -x /lib/systemd/systemd-journal-remote ] || missing+=(systemd-journal-remote)
  command -v zsh >/dev/null || missing+=(zsh)
  command -v pgrep >/dev/null || missing+=(procps)
  if [ ${#missing[@]} -gt 0 ]; then
    printf 'tools: %s from Debian\n' "${missing[*]}"
    without_services apt_install "${missing[@]}"
  fi
  export COUNTERSIGN_TEST_LOGGER=/usr/bin/logger
  export COUNTERSIGN_TEST_RSYSLOGD=/usr/sbin/rsyslogd
  export COUNTERSIGN_TEST_POSTGRES=/usr/lib/postgresql/15/bin
  COUNTERSIGN_TEST_JOURNALCTL=$(command -v journalctl)
  export COUNTERSIGN_TEST_JOURNALCTL
  export COUNTERSIGN_TEST_JOURNAL_REMOTE=/lib/systemd/systemd-journal-remote
}

# without_services COMMAND…: packages that are installed meanwhile start no services.
without_services() {
  local policy=/usr/sbin/policy-rc.d status=0
  local -a sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  if [ -e "$policy" ]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod 755 "$policy"
  "$@" || status=$?
  "${sudo[@]}" rm -f "$policy"
  return "$status"
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
