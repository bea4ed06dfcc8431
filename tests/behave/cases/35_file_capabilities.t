# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2086
# security.capability: given, carried along, taken away, and what a program has of it.
. "$LIB"

raw=0100000200200000000000000000000000000000 # cap_net_raw+ep, as setcap writes it
chown=0100000201000000000000000000000000000000
kept=user.containers.override_security.capability

it 'random file capabilities do what the kernel does with real ones'
if ! as root; then
	skip 'lab: only root has real file capabilities to compare with'
elif on ns 'the kernel does it'; then
	:
else
	cp -a "$root" "$WORK/own"
	mkdir -p "$WORK/home-plain"
	chown -hR amphora-test: "$WORK/own" "$WORK/home-plain"
	while read -r seed flags; do
		mkdir "$WORK/native$seed"
		env -i "$HELPERS/filecaps" "$WORK/native$seed" $seed 300 >"$WORK/expected"
		run setpriv --reuid amphora-test --regid amphora-test --clear-groups env HOME="$WORK/home-plain" \
			"$AMPHORA" run --backend ptrace $flags --rootfs "$WORK/own" \
			sh -c "mkdir /tmp/$seed && exec env -i /helpers/filecaps /tmp/$seed $seed 300"
		succeeds
		cmp -s "$WORK/expected" "$out" || fail "seed $seed: $(diff "$WORK/expected" "$out" | head -n 6)"
	done <<END
1
2
3 --hard-links emulated
4 --fake-permissions
END
	grep -q 'set 0$' "$out" || fail 'nothing was set'
	grep -q 'secure 1 .* capget 0*[1-9a-f]' "$out" || fail 'nobody gained a capability'
fi

it 'root gives a file capabilities, reads them and takes them away'
guest sh -c 'cd /tmp && cp /helpers/filecaps f && cp f g && filecaps() { /helpers/filecaps "$@"; }
	filecaps set f '$raw' && filecaps get f && filecaps set f 01000002 && mv f h && ln h i && filecaps get i
	filecaps set i "" && filecaps get h; filecaps set h "" && filecaps set h '$raw' && chown 0 h && filecaps get h
	filecaps set h '$raw' && echo >>h && filecaps get h; filecaps set g '$raw' && touch -d @0 g'
out "0
  f:$raw 1
EINVAL
  i:$raw 1
0
  h: ENODATA 0
ENODATA
0
  h: ENODATA 0
0
  h: ENODATA 0
0"

it 'they are there in the next container'
guest /helpers/filecaps get /tmp/g
out "  /tmp/g:$raw 1"

it 'on the host the file has what the guest could really give it'
run "$HELPERS/filecaps" get "$root/tmp/g"
if as root; then
	out "  $root/tmp/g:$raw 1"
elif [ "$BACKEND" = ns ]; then # for the user namespaces of that user
	out "  $root/tmp/g:0100000300200000000000000000000000000000$(printf %02x%02x0000 $(($(id -u) % 256)) $(($(id -u) / 256))) 1"
else
	out "  $root/tmp/g: ENODATA 0"
fi

it 'a user that executes the file has its capabilities'
if on ns 'no_new_privs is set and never hidden' || { as root && on ptrace 'the ids are real, and no_new_privs is set'; }; then
	guest sh -c 'cd /tmp && cp g u && chmod 755 u && /helpers/filecaps set u '$chown' && ./u status >/dev/null && echo ran; /helpers/filecaps set u '$raw'; ./u status; echo $?'
	out_has '^ran$'
	err_has 'not permitted' # CAP_NET_RAW is none of a container's root
	out_has '^126$'
	if as root; then
		guest sh -c '/helpers/filecaps set /tmp/u '$chown
		guest -u 1000 /tmp/u status
		out_has '^CapPrm:.0{16}$'
	fi
else
	guest -u 1000 sh -c '/tmp/g status; grep CapPrm /proc/self/status'
	out_has '^secure 1 keepcaps 0 bits 0 nnp 0, capget 0{12}2000 0{12}2000, Uid:.1000'
	out_has '^CapPrm:.0{12}2000$'
	out_has '^CapPrm:.0{16}$'
	guest -u 1000 sh -c 'cd /tmp; /helpers/filecaps set g ""; cp g copy && ./copy status | grep CapEff; cp -p g copy; /helpers/filecaps get copy; chown 0 copy 2>&1'
	out_has '^EPERM'
	out_has '^CapEff:.0{16}$'
	out_has 'copy: ENODATA 0'
	# What it has is good for the calls that ask for it.
	guest sh -c 'cd /tmp; cp /bin/busybox chown; chmod 755 chown; : >theirs; /helpers/filecaps set chown '$chown
	guest -u 1000 sh -c 'chown 7 /tmp/theirs; /tmp/chown 7 /tmp/theirs; stat -c %u /tmp/theirs'
	out 7
	err_has 'not permitted'
fi

it 'nothing is gained on a nosuid mount'
mkdir -p "$WORK/nosuid"
guest -v "$WORK/nosuid:/n:nosuid" sh -c 'cp /helpers/filecaps /n/f && chmod 755 /n/f /n && /helpers/filecaps set /n/f '$raw
out 0
if as plain && [ "$BACKEND" = ns ]; then
	guest -v "$WORK/nosuid:/n:nosuid" /n/f status
else
	guest -u 1000 -v "$WORK/nosuid:/n:nosuid" /n/f status
	out_has '^CapPrm:.0{16}$'
fi
out_has '^secure 0 '

it 'a read-only mount refuses'
guest -v "$WORK/nosuid:/n:ro" sh -c '/helpers/filecaps set /n/f '$raw'; /helpers/filecaps set /n/f ""; /helpers/filecaps get /n/f'
out "EROFS
EROFS
  /n/f:$raw 1"

if [ "$BACKEND" = ptrace ] && as plain; then
	it 'a user cannot write what they are kept in'
	cp "$HELPERS/filecaps" "$root/tmp/weak"
	chmod 777 "$root/tmp/weak"
	# The weak set-up: written from outside.
	[ "$("$HELPERS/filecaps" set "$root/tmp/weak" $raw $kept)" = 0 ] || fail 'the host cannot write it'
	guest -u 1000 /tmp/weak status
	out_has '^CapPrm:.0{12}2000$'
	"$HELPERS/filecaps" set "$root/tmp/weak" '' $kept >/dev/null
	guest -u 1000 sh -c '/helpers/filecaps set /tmp/weak '$raw' '$kept'; /helpers/filecaps set /tmp/weak '$raw'; /tmp/weak status'
	out_has '^EPERM$'
	out_has '^CapPrm:.0{16}$'
	run "$HELPERS/filecaps" get "$root/tmp/weak"
	out_has 'ENODATA 0'

	it 'a value that makes no sense keeps the program from being executed'
	"$HELPERS/filecaps" set "$root/tmp/weak" 010000 $kept >/dev/null
	guest sh -c '/tmp/weak status; echo $?; /helpers/filecaps get /tmp/weak'
	out_has 'EINVAL 1$'
	out_has '^126$'

	it 'what a user namespace was given is shown to the same root'
	run "$AMPHORA" run --backend ns --rootfs "$root" sh -c 'cp /helpers/filecaps /tmp/ns && /helpers/filecaps set /tmp/ns '$raw
	if [ "$code" = 0 ]; then
		guest -u 1000 sh -c '/helpers/filecaps get /tmp/ns; /tmp/ns status'
		out_has "/tmp/ns:$raw 1"
		out_has '^CapPrm:.0{12}2000$'
		guest sh -c '/helpers/filecaps set /tmp/ns ""; /helpers/filecaps get /tmp/ns'
		out '0
  /tmp/ns: ENODATA 0'
		guest sh -c '/helpers/filecaps set /tmp/ns '$raw'; chown 0 /tmp/ns; /helpers/filecaps get /tmp/ns'
		out '0
  /tmp/ns: ENODATA 0'
	else
		skip 'lab: no namespaces for a plain user here'
	fi
fi

it 'in a user namespace of its own a user gives capabilities that count there'
if on ns 'a container makes no user namespaces' || { as root && on ptrace 'nor with real ids'; } ||
	below_app 'it makes unshare(CLONE_NEWUSER) EINVAL'; then
	:
else
	guest sh -c 'cd /tmp && cp /helpers/filecaps own && cp own roots && chmod 755 own roots && chown 1000:1000 own'
	guest -u 1000:1000 sh -c 'cd /tmp; f=/helpers/filecaps; $f set own '$raw'; unshare -r $f set own '$raw'; $f get own; unshare -r $f get own
		./own status; unshare -r unshare -U ./own status; unshare -r $f set roots '$raw'; unshare -r $f set own 0100000300200000000000000000000000000000e8030000'
	# Natively the same, but for the lines of status that are left out here.
	same "EPERM
0
  own:0100000300200000000000000000000000000000e8030000 1
  own:$raw 1
secure 0 keepcaps 0 bits 0 nnp 0, capget 0000000000000000 0000000000000000,
secure 1 keepcaps 0 bits 0 nnp 0, capget 0000000000002000 0000000000002000,
EPERM
EINVAL" "$(grep -E '^(secure|  own|[0E])' "$out" | sed 's/, Uid:.*/,/')" 'what it gave'
	guest sh -c 'unshare -r /helpers/filecaps get /tmp/own'
	out '  /tmp/own: EOVERFLOW 1'
fi

if [ -n "$DEBIAN" ]; then
	it 'cp -a and tar --xattrs carry them, cp does not, and no record is seen'
	run "$AMPHORA" run --backend "$BACKEND" --rootfs "$DEBIAN" sh -c 'mkdir /tmp/fc && cd /tmp/fc && cp /bin/true a && chmod 755 a &&
		setfattr -n security.capability -v 0x'$chown' a &&
		cp -a a b && cp a c && mkdir x && tar --xattrs --xattrs-include="*" -cf - a | tar --xattrs --xattrs-include="*" -C x -xf - &&
		getfattr -e hex -d -m - a b c x/a; ./x/a; echo $?; rm -rf /tmp/fc'
	out "# file: a
security.capability=0x$chown

# file: b
security.capability=0x$chown

# file: x/a
security.capability=0x$chown

0"
fi
done_testing
