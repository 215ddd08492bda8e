/** The fixed parts of a set-up script: functions of a POSIX shell, and what they rest on. See setup-script.ts. */

/** Edits of files. awk takes texts from the environment, where nothing in them is special. */
export const SHELL_FUNCTIONS = `# put FILE MODE OWNER: standard input becomes the file; one that is there keeps its place
put() {
  new_folder "$(dirname "$1")" 0755
  cat >"$saved/new"
  (umask 077 && cat "$saved/new" >"$1")
  rm -f "$saved/new"
  chmod "$2" "$1"
  if [ -n "$3" ]; then chown "$3" "$1"; fi
}
# rewrite FILE: standard input becomes the contents; owner and mode stay
rewrite() {
  cat >"$saved/new"
  cat "$saved/new" >"$1"
  rm -f "$saved/new"
}
# touch_file FILE: it is there, readable by all, if it was not
touch_file() {
  [ -f "$1" ] || { new_folder "$(dirname "$1")" 0755; : >"$1"; chmod 0644 "$1"; }
}
# lines_without PATTERN FILE: the lines that do not fit as a whole; a last line without an end gets one
lines_without() {
  pattern=$1 awk 'BEGIN { p = "^(" ENVIRON["pattern"] ")$" } $0 !~ p' "$2"
}
# insert_before PATTERN FILE: standard input before the first line that fits
insert_before() {
  lines=$(cat) pattern=$1 awk 'BEGIN { p = "^(" ENVIRON["pattern"] ")$" }
    !done && $0 ~ p { print ENVIRON["lines"]; done = 1 } { print }
    END { exit !done }' "$2" >"$saved/edited" || stop "$2: no line fits $1"
  rewrite "$2" <"$saved/edited"
}
# insert_in_section FROM AFTER FILE: standard input after the first line that fits AFTER, from each that fits FROM on
insert_in_section() {
  [ -f "$3" ] || return 0
  lines=$(cat) from=$1 after=$2 awk 'BEGIN { f = "^(" ENVIRON["from"] ")$"; a = "^(" ENVIRON["after"] ")$" }
    $0 ~ f { inside = 1 }
    { print }
    inside && $0 ~ a { print ENVIRON["lines"]; inside = 0 }' "$3" >"$saved/edited"
  rewrite "$3" <"$saved/edited"
}
# replace_line PATTERN FILE: standard input instead of the first line that fits
replace_line() {
  lines=$(cat) pattern=$1 awk 'BEGIN { p = "^(" ENVIRON["pattern"] ")$" }
    !done && $0 ~ p { print ENVIRON["lines"]; done = 1; next } { print }
    END { exit !done }' "$2" >"$saved/edited" || stop "$2: no line fits $1"
  rewrite "$2" <"$saved/edited"
}
# new_folder PATH MODE: noted, so that the way back removes it
new_folder() {
  [ -d "$1" ] && return
  mkdir -p "$1"
  chmod "$2" "$1"
  printf '%s\\n' "$1" >>"$saved/folders"
}
# service_do reload|restart NAME
service_do() {
  if [ -n "\${RELAYHOST_NO_RESTART:-}" ]; then
    say "not done: $1 $2"
  elif [ -d /run/systemd/system ]; then
    systemctl "$1" "$2"
  elif command -v rcctl >/dev/null 2>&1; then
    rcctl "$1" "$2"
  elif command -v service >/dev/null 2>&1; then
    service "$2" "$1"
  else
    say "Now $1 $2."
  fi
}
`;

/** Copies, the way back, and what the words on the command line do. DEFAULT: what happens without a word. */
export const SHELL_MAIN = `
save() {
  mkdir -p "$saved"
  chmod 0700 "$saved"
  mkdir "$saved/before"
  { changed_files; made_files; } | while IFS= read -r file; do
    [ -n "$file" ] && [ -f "$file" ] || continue
    mkdir -p "$saved/before$(dirname "$file")"
    cp -p "$file" "$saved/before$file"
  done
  : >"$saved/complete"
}

keep_result() {
  rm -rf "$saved/after"
  changed_files | while IFS= read -r file; do
    [ -n "$file" ] && [ -f "$file" ] || continue
    mkdir -p "$saved/after$(dirname "$file")"
    cp -p "$file" "$saved/after$file"
  done
}

# Names of files that are not as the change left them.
changed_meanwhile() {
  [ -d "$saved/after" ] || return 0
  changed_files | while IFS= read -r file; do
    [ -n "$file" ] || continue
    if [ -f "$saved/after$file" ]; then
      cmp -s "$saved/after$file" "$file" || say "$file"
    elif [ -f "$file" ]; then
      say "$file"
    fi
  done
}

restore() {
  { changed_files; made_files; } | while IFS= read -r file; do
    [ -n "$file" ] || continue
    if [ -f "$saved/before$file" ]; then
      cp -p "$saved/before$file" "$file"
      cmp -s "$saved/before$file" "$file" || stop "$file: not restored; the copy is $saved/before$file"
    else
      rm -f "$file"
    fi
  done
  if [ -f "$saved/folders" ]; then
    while IFS= read -r folder; do rmdir "$folder" 2>/dev/null || say "$folder"; done <"$saved/folders"
    rm -f "$saved/folders"
  fi
}

refuse_if_changed() {
  [ "$force" = yes ] && return
  meanwhile=$(changed_meanwhile)
  [ -z "$meanwhile" ] || stop "$meanwhile
$changed_since sh $0 $action --force"
}

on_failure() {
  trap - EXIT
  undo_commands
  restore
  activate >/dev/null 2>&1 || true
  rm -rf "$saved"
  say "$put_back" >&2
  exit 1
}

action=\${1:-DEFAULT}
force=no
[ "\${2:-\${1:-}}" = --force ] && force=yes
[ "$action" = --force ] && action=DEFAULT
find_out
case $action in
  apply)
    ask_password
    if [ -f "$saved/complete" ]; then
      refuse_if_changed
      restore
    else
      rm -rf "$saved"
      save
    fi
    trap on_failure EXIT
    trap 'exit 1' HUP INT TERM
    change
    check
    keep_result
    activate
    trap - EXIT HUP INT TERM
    next_steps
    ;;
  undo)
    [ -f "$saved/complete" ] || stop "$not_applied"
    refuse_if_changed
    undo_commands
    restore
    activate || say "the files are restored, but the mail server has not taken them up"
    rm -rf "$saved"
    say "$undone"
    ;;
  status)
    [ -f "$saved/complete" ] || stop "$not_applied"
    say "$saved"
    changed_files | while IFS= read -r file; do
      [ -n "$file" ] || continue
      if [ -f "$saved/after$file" ]; then diff "$saved/after$file" "$file" || true
      elif [ -f "$file" ]; then say "$file"
      fi
    done
    ;;
  *)
    stop "sh $0 [apply|undo|status] [--force]"
    ;;
esac
`;
