# The user's own start files first; see the recorder's documentation for what follows them.
__countersign_folder=$ZDOTDIR
if [[ -n $COUNTERSIGN_ZDOTDIR ]]; then ZDOTDIR=$COUNTERSIGN_ZDOTDIR; else unset ZDOTDIR; fi
if [[ -r ${ZDOTDIR:-$HOME}/.zshenv ]]; then . "${ZDOTDIR:-$HOME}/.zshenv"; fi
COUNTERSIGN_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$__countersign_folder
