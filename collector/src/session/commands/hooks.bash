# The user's own start files first; see the recorder's documentation for what follows them.
case $COUNTERSIGN_START in
rc) if [ -r "$COUNTERSIGN_RC" ]; then . "$COUNTERSIGN_RC"; fi ;;
login)
  if [ -r /etc/profile ]; then . /etc/profile; fi
  for __countersign_file in ~/.bash_profile ~/.bash_login ~/.profile; do
    if [ -r "$__countersign_file" ]; then . "$__countersign_file"; break; fi
  done
  unset __countersign_file ;;
esac
__countersign_pipe=$COUNTERSIGN_HOOKS/commands
unset COUNTERSIGN_START COUNTERSIGN_RC COUNTERSIGN_HOOKS

# Every command goes through the history, and leaves it again where the user wants that.
__countersign_control=:$HISTCONTROL:
__countersign_ignore=$HISTIGNORE
unset HISTCONTROL HISTIGNORE
__countersign_number=
__countersign_last=
__countersign_open=

# The newest command of the history, and its number, which tells whether there is a new one.
__countersign_newest() {
  local HISTTIMEFORMAT= line
  line=$(LC_ALL=C builtin history 1)
  __countersign_entry=${line#"${line%%[![:space:]]*}"}
  __countersign_entry=${__countersign_entry%%[!0-9]*}
  line=${line#*"$__countersign_entry"}
  __countersign_text=${line#[* ]}
  __countersign_text=${__countersign_text# }
}

# Runs in a subshell, when a command was read and before it is run.
__countersign_begin() {
  __countersign_newest
  if [[ $__countersign_entry == "$__countersign_number" ]]; then
    __countersign_text='(the shell keeps no history)'
  fi
  builtin printf 'B\0%s\0%s\0' "$PWD" "$__countersign_text" >"$__countersign_pipe"
} 2>/dev/null

# Runs before each prompt.
__countersign_end() {
  local status=$? pattern forget=
  if [[ $__countersign_open ]]; then
    builtin printf 'E\0%s\0' "$status" >"$__countersign_pipe"
  fi
  __countersign_open=1
  __countersign_newest
  if [[ $__countersign_entry && $__countersign_entry != "$__countersign_number" ]]; then
    case $__countersign_control in
    *:ignorespace:* | *:ignoreboth:*)
      if [[ $__countersign_text == ' '* ]]; then forget=1; fi ;;
    esac
    case $__countersign_control in
    *:ignoredups:* | *:ignoreboth:*)
      if [[ $__countersign_text == "$__countersign_last" ]]; then forget=1; fi ;;
    esac
    local IFS=:
    for pattern in $__countersign_ignore; do
      # shellcheck disable=SC2053
      if [[ $__countersign_text == $pattern ]]; then forget=1; fi
    done
    if [[ $forget ]]; then
      builtin history -d "$__countersign_entry"
      __countersign_newest
    fi
    __countersign_number=$__countersign_entry
    __countersign_last=$__countersign_text
  fi
  return "$status"
} 2>/dev/null

PS0=$PS0'$(__countersign_begin)'
if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
  PROMPT_COMMAND=(__countersign_end "${PROMPT_COMMAND[@]}")
else
  PROMPT_COMMAND=__countersign_end${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}
fi
