if [[ -n $COUNTERSIGN_ZDOTDIR ]]; then ZDOTDIR=$COUNTERSIGN_ZDOTDIR; else unset ZDOTDIR; fi
if [[ -r ${ZDOTDIR:-$HOME}/.zshrc ]]; then . "${ZDOTDIR:-$HOME}/.zshrc"; fi
typeset -g __countersign_pipe=$COUNTERSIGN_HOOKS/commands __countersign_open=
unset COUNTERSIGN_ZDOTDIR COUNTERSIGN_HOOKS __countersign_folder

__countersign_begin() {
  builtin print -rN -- B "$PWD" "${1:-$3}" >|"$__countersign_pipe"
  __countersign_open=1
} 2>/dev/null

__countersign_end() {
  local code=$?
  if [[ -n $__countersign_open ]]; then
    builtin print -rN -- E "$code" >|"$__countersign_pipe"
  fi
  __countersign_open=
  return $code
} 2>/dev/null

typeset -ga preexec_functions precmd_functions
preexec_functions=(__countersign_begin $preexec_functions)
precmd_functions=(__countersign_end $precmd_functions)
