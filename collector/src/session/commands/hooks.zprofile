if [[ -n $COUNTERSIGN_ZDOTDIR ]]; then ZDOTDIR=$COUNTERSIGN_ZDOTDIR; else unset ZDOTDIR; fi
if [[ -r ${ZDOTDIR:-$HOME}/.zprofile ]]; then . "${ZDOTDIR:-$HOME}/.zprofile"; fi
COUNTERSIGN_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$__countersign_folder
