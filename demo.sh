#!/bin/sh
# The whole job on sample data: sync, audit, plan, approve, publish, meet, reassign.
# Each command is printed before it runs, so that it can be typed by hand as well.
set -eu
folder=${1:-demo}
rm -rf "$folder"
mkdir "$folder"
cd "$folder"
LANG=C.UTF-8 HANDOVER_LANG=${HANDOVER_LANG:-en}
export LANG HANDOVER_LANG

run() {
    printf '\n$ handover'
    for word in "$@"; do
        case $word in *" "*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
    handover "$@"
}

run init --demo
run audit --owner '佐藤 健一'
run audit --format html -o audit.html
run plan new --from '佐藤 健一' --to '鈴木 美咲'
plan=$(handover plan list --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["plans"][0]["id"])')
run plan submit "$plan" --as '佐藤 健一'
run plan show "$plan" --format html -o plan.html
run plan approve "$plan" --no-attend rest --as '渡辺 誠' -q
run plan publish "$plan"
run meeting pack "$plan" -o packs.html
run meeting record "$plan" --account 椿食品株式会社 --item contacts.channel --result confirmed --person '遠藤 雅子' --as '鈴木 美咲'
run meeting accept "$plan" --account 椿食品株式会社 --as '鈴木 美咲'
# The folder is a rehearsal: --as-of may be the day on which the owners change.
day=$(handover plan show "$plan" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["plan"]["effective"])')
run reassign "$plan" --as-of "$day" --dry-run -q
run reassign "$plan" --as-of "$day" -q
run runs list
run doctor

cat <<END

Done. Everything lies in $(pwd):
  audit.html   how complete the information is, for a manager
  plan.html    the handover plan, to be signed
  packs.html   what the successor has to know of each customer
  export/      the sample company's CRM; its owners have changed, tasks were added

Try next, in that folder:
  handover runs show last
  handover undo last --as '渡辺 誠'
  handover plan show $plan --lang ja
END
