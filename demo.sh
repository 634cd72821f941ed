#!/bin/sh
# The whole job on sample data: sync, audit, plan, approve, publish, meet, reassign; and
# one customer to the very end: recorded, accepted, reported, closed.
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

# One customer of somebody else, to the end: what is said of each item, then the report.
customer=有限会社光洋商事
printf 'predecessor,account,successor\n中村 大輔,%s,田中 陽子\n' "$customer" > moves.csv
run plan new --moves moves.csv -q
value() {
    python3 -c "import json, sys; print($1)"
}
one=$(handover plan list --json | value '[p["id"] for p in json.load(sys.stdin)["data"]["plans"] if "nakamura" in p["id"]][0]')
run plan edit "$one" --loose opportunities=leave --as '渡辺 誠' -q
run plan submit "$one" --as '中村 大輔' -q
run plan approve "$one" --no-attend rest --as '渡辺 誠' -q
run plan publish "$one" -q
run meeting sheet "$one" -o sheet.html
visit=$(handover plan show "$one" --json | value '[r["visit"]["date"] for r in json.load(sys.stdin)["data"]["plan"]["rows"] if r["visit"]][0]')
record() {
    run meeting record "$one" --account "$customer" --person '遠藤 学' --as '田中 陽子' --as-of "$visit" "$@"
}
record --item contacts.channel --result corrected --record C0160 --column contacts.phone --value 045-687-3432
left=$(handover meeting record "$one" --account "$customer" --note '工場の見学は来春' --as '田中 陽子' --as-of "$visit" --json | value '*json.load(sys.stdin)["data"]["visit"]["open"]')
for item in $left; do
    record --item "$item" --result confirmed -q
done
run meeting accept "$one" --account "$customer" --as '田中 陽子' --as-of "$visit"
moved=$(handover plan show "$one" --json | value 'json.load(sys.stdin)["data"]["plan"]["effective"]')
run reassign "$one" --as-of "$moved" -q
run status --as-of "$moved"
run report "$one" --as '中村 大輔' --as-of "$moved" -o report.html
run close "$one" --as '渡辺 誠' --as-of "$moved" -q
run history "$customer" --as-of "$moved"
run doctor

cat <<END

Done. Everything lies in $(pwd):
  audit.html   how complete the information is, for a manager
  plan.html    the handover plan, to be signed
  packs.html   what the successor has to know of each customer
  sheet.html   what is asked of a customer, and what the CRM has of it
  report.html  what came of a handover, to be signed
  export/      the sample company's CRM; its owners have changed, tasks were added

Try next, in that folder:
  handover runs show last
  handover undo last --as '渡辺 誠'
  handover plan show $plan --lang ja
END
