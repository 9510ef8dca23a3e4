# Sourced by the tests that run commands of pages as they stand.

# The first block of commands below a heading, of those that are marked as LANGUAGE.
commands_of() {  # PAGE HEADING [LANGUAGE=sh]
  local found
  found=$(awk -v heading="$2" -v begin='```'"${3:-sh}" '
    $0 ~ "^#+ " { there = ($0 ~ "^#+ " heading "$") }
    there && /^```$/ && inside { exit }
    inside { print }
    there && $0 == begin { inside = 1 }' "$1")
  [ -n "$found" ] || { echo "$1 has no commands below \"$2\"" >&2; return 1; }
  printf '%s\n' "$found"
}
