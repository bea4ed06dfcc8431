# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# The command line: errors are one line that says what to do; plan, probe, help, completion.
. "$LIB"

it 'prints its version'
amphora version
succeeds
out_has '^amphora [0-9a-z]'

it 'prints help that fits a screen'
for page in '' run plan probe inspect links bench version completion; do
	# shellcheck disable=SC2086 # no word when empty
	amphora help $page
	succeeds
	[ "$(wc -l <"$out")" -le 24 ] || fail "help $page has $(wc -l <"$out") lines"
	[ "$(awk 'length > 80' "$out" | wc -l)" = 0 ] || fail "help $page is wider than 80 columns"
done

it 'lists every option with --help-all'
amphora run --help-all
out_has '--security-opt'
out_has '--volatile'

it 'refuses an unknown command and an unknown option'
amphora frobnicate
refused frobnicate
guest --no-such-option true
refused no-such-option

it 'refuses a missing image and says what to do'
amphora run debian true
refused 'debian.*not here.*host'

it 'refuses a root filesystem that does not exist or is no directory'
amphora run --rootfs /none/here true
refused '/none/here'
amphora run --rootfs /etc/passwd true
refused '/etc/passwd'

it 'refuses / as a root filesystem and names the image host'
amphora run --rootfs / true
refused host

it 'takes --rootfs before other flags, with the directory first'
run "$AMPHORA" run --rootfs --backend "$BACKEND" "$root" echo podman
out podman

it 'refuses bad input with one line each'
while read -r words; do
	# shellcheck disable=SC2086 # words
	guest $words true
	[ "$code" = 125 ] || fail "$words: exit code $code"
	[ "$(wc -l <"$err")" = 1 ] || fail "$words: $(cat "$err")"
done <<'LIST'
-v relative
-v name:/x
-v /etc:relative
-v /etc:/x/../y
-v /etc:/x:strange
-v /none/such:/x
--mount type=strange,dst=/x
--mount type=bind,dst=/x
--mount dst=/x
--tmpfs relative
--tmpfs /x:size=many
--tmpfs /x:mode=99
-w relative
-e =value
--env-file /none/such
--ulimit nofile
--ulimit strange=1
--ulimit nofile=x
--ulimit nofile=9:1
--cap-add STRANGE
--security-opt strange
--network strange
--dns strange
--add-host strange
-p strange
-p 99999:1
--backend strange
--hostname -x-
--preserve-fds 5
--preserve-fds -1
-d
--read-only=maybe
LIST

it 'refuses a backend from the environment that does not exist, naming the variable'
run env AMPHORA_BACKEND=strange "$AMPHORA" run --rootfs "$root" true
refused AMPHORA_BACKEND

it 'honours AMPHORA_BACKEND, and --backend wins over it'
run env AMPHORA_BACKEND="$BACKEND" "$AMPHORA" plan --json --rootfs "$root"
succeeds
out_has "\"$BACKEND\""
run env AMPHORA_BACKEND=strange "$AMPHORA" plan --backend "$BACKEND" --rootfs "$root"
succeeds

it 'shows a plan of at most 80 columns and runs nothing'
amphora plan --backend "$BACKEND" --rootfs "$root" touch /planned
succeeds
out_has files
out_has boundary
[ ! -e "$root/planned" ] || fail 'it ran'
[ "$(awk 'length > 80' "$out" | wc -l)" = 0 ] || fail "wider than 80 columns: $(awk 'length > 80' "$out" | head -n 3)"

it 'shows the same with --dry-run'
guest --dry-run touch /planned
succeeds
out_has files
[ ! -e "$root/planned" ] || fail 'it ran'

it 'prints the plan as JSON'
amphora plan --json --backend "$BACKEND" --rootfs "$root"
succeeds
python3 -m json.tool "$out" >/dev/null 2>"$WORK/json" || fail "not JSON: $(cat "$WORK/json")"

it 'prints the facts, and plans on facts from a file'
amphora probe --json
succeeds
cp "$out" "$WORK/facts"
python3 -m json.tool "$WORK/facts" >/dev/null 2>"$WORK/json" || fail "not JSON: $(cat "$WORK/json")"
amphora plan --facts "$WORK/facts" --backend "$BACKEND" --rootfs "$root"
succeeds
amphora probe --facts "$WORK/facts"
out_has kernel

it 'plans on the facts of a machine where nothing works: exit 125 with the reason'
echo '{"amphora_facts": 1, "facts": {}}' >"$WORK/nothing"
amphora plan --facts "$WORK/nothing" --rootfs "$root"
status 125
err_has '^amphora: '

it 'picks ptrace by itself where user namespaces are off, and names the sysctl'
amphora probe --json
python3 - "$out" >"$WORK/off" <<'PY'
import json, sys
facts = json.load(open(sys.argv[1]))
for name, fact in facts["facts"].items():
    if name.startswith(("userns", "root_")) or name == "newuidmap":
        fact.update(status="fails", errno=28, text="user.max_user_namespaces=0")
facts["facts"]["uid"]["value"] = 1000
facts["facts"]["capabilities"]["value"] = 0
json.dump(facts, sys.stdout)
PY
amphora plan --json --facts "$WORK/off" --rootfs "$root"
succeeds
out_has '"backend": *"ptrace"'
run env AMPHORA_BACKEND=ns "$AMPHORA" plan --facts "$WORK/off" --rootfs "$root"
status 125
err_has 'max_user_namespaces'

it 'shows a probe table of at most 80 columns'
amphora probe
succeeds
[ "$(awk 'length > 80' "$out" | wc -l)" = 0 ] || fail "wider than 80 columns: $(awk 'length > 80' "$out" | head -n 3)"

it 'prints completion scripts that the shells accept'
for shell in bash zsh fish; do
	amphora completion "$shell"
	succeeds
	if command -v "$shell" >/dev/null; then
		"$shell" -n "$out" 2>"$WORK/syntax" || fail "$shell: $(head -n 2 "$WORK/syntax")"
	fi
done

it 'answers to its other names'
run "$(dirname "$AMPHORA")/amphora-oci" --version
succeeds
out_has '^amphora-oci '
run "$(dirname "$AMPHORA")/amphora-oci" run
refused .
# PRoot's command line: 16_proot.t
for name in amphora-proot proot; do
	run "$(dirname "$AMPHORA")/$name" --version
	succeeds
	out_has '^amphora-proot .*PRoot 5'
done

it 'refuses what this backend can'\''t do, naming the facet, unless --best-effort'
guest --network nat true
refused network

it 'is quiet on a good day'
guest true
succeeds
err_empty

it 'runs several containers at once'
for i in 1 2 3 4 5 6; do
	"$AMPHORA" run --backend "$BACKEND" --rootfs "$root" sh -c "sleep 0.2; echo $i" >"$WORK/many.$i" 2>&1 &
done
wait
same '1 2 3 4 5 6' "$(cat "$WORK"/many.* | tr '\n' ' ' | sed 's/ $//')" 'what they said'

done_testing
