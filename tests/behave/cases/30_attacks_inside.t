# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# A guest that mounts, changes roots and passes fds around to get past what the plan mounted. Each attack is
# run with and without Landlock: what the tracer says must hold by itself.
. "$LIB"

if on ns 'there the kernel keeps the table of mounts'; then
	done_testing
	exit
fi
# Real root may not mount on this backend.
if as root; then ways='fchdir threads'; else ways='fchdir threads pivot fd'; fi

# bare COMMAND…: as guest, but where there is no Landlock.
bare() { run "$HELPERS/deny" landlock_create_ruleset "$AMPHORA" run --backend ptrace --rootfs "$root" "$@"; }

mkdir -p "$root/mnt" "$root/locked/sub" "$WORK/outer/sub"

# What a read-only bind protects, of the rootfs itself and of a directory outside.
fresh() {
	echo whole >"$root/locked/file"
	echo whole >"$WORK/outer/file"
	chmod 644 "$root/locked/file" "$WORK/outer/file"
}
whole() {
	same whole "$(cat "$1/file")" 'the protected file'
	same 644 "$(stat -c %a "$1/file")" 'its mode'
}

for way in $ways; do
	it "a read-only bind stays so: $way"
	fresh
	guest -v "$root/locked:/locked" /helpers/breakout "$way" /locked file
	out_has written
	for what in guest bare; do
		for source in "$root/locked" "$WORK/outer"; do
			fresh
			$what -v "$source:/locked:ro" /helpers/breakout "$way" /locked file
			out ''
			whole "$source"
		done
	done
done

it 'a bind of the plan leads to what was bound, too'
canary
for what in guest bare; do
	rm -rf "$root/d" "$root/e"
	mkdir "$root/d"
	$what -v "$root/d:/mnt" sh -c 'mv /d /e || rmdir /d; ln -s "$1" /d; cat /mnt/canary; echo spoiled >/mnt/canary; mkdir /mnt/made' sh "$WORK"
	canary_untouched
	[ ! -e "$WORK/made" ] || fail 'a directory was made outside'
done


it 'a proc file system of the host in what is bound is not shown'
for what in guest bare; do
	$what -v /:/mnt:ro sh -c 'ls -d /mnt/etc; ls /mnt/proc; cat /mnt/proc/1/cmdline /mnt/proc/$PPID/maps 2>/dev/null'
	out /mnt/etc
done

it 'the modes and owners of the machine'"'"'s /proc and devices stay'
chmod 555 /proc 2>/dev/null || true # whatever ran before
before=$(stat -c '%n %a %u %g' /proc /proc/sys /sys /dev/null /dev/zero)
for what in guest bare; do
	$what sh -c 'for f in /proc /proc/sys /sys /dev/null /dev/zero /proc/self/root/proc; do chmod 700 $f; chown 1:1 $f; done
		exec 9</proc; chmod 700 /proc/self/fd/9; cd /proc && chmod 700 . && /helpers/breakout mode /proc self' 2>/dev/null
	same "$before" "$(stat -c '%n %a %u %g' /proc /proc/sys /sys /dev/null /dev/zero)" 'the modes and owners'
	chmod 555 /proc 2>/dev/null || true
done

# Emulated hard links: a root filesystem comes with objects and counts of its maker's choice.
id=00112233445566778899aabbccddeeff
forge() {
	rm -rf "$root/.amphora-links" "$root/name" "$WORK/planted"
	mkdir -p "$root/.amphora-links/00" "$WORK/planted"
	ln -s "/.amphora-links/00/$id" "$root/name"
	ln -s '2 name' "$root/.amphora-links/00/$id.n"
}

it 'an object that is a symlink is none'
canary
for what in guest bare; do
	forge
	ln -s "$WORK/canary" "$root/.amphora-links/00/$id"
	attack_works cat "$root/.amphora-links/00/$id"
	$what --hard-links emulated sh -c 'cat /name; echo spoiled >/name; ln /name /other && cat /other; mv /bin/true /name; ls -lL /name; rm -f /other'
	canary_untouched
	forge
	mv "$root/.amphora-links" "$WORK/forged" && ln -s "$WORK/forged" "$root/.amphora-links"
	cp "$WORK/canary" "$WORK/forged/00/$id"
	$what --hard-links emulated sh -c 'cat /name; echo spoiled >/name; echo a >/tmp/a; ln /tmp/a /tmp/b; rm -f /tmp/a /tmp/b'
	out ''
	rm -rf "$WORK/forged" "$root/.amphora-links"
done

it 'a directory of objects that is a symlink takes no file outside'
for what in guest bare; do
	forge
	for first in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
		for second in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
			[ "$first$second" = 00 ] || ln -s "$WORK/planted" "$root/.amphora-links/$first$second"
		done
	done
	chmod 777 "$WORK/planted"
	$what --hard-links emulated sh -c 'cd /tmp; rm -f evil evil2; echo evil >evil; for i in 1 2 3 4; do echo $i >evil; ln evil evil2; rm -f evil evil2; echo evil >evil; ln evil evil$i; done'
	same '' "$(ls "$WORK/planted")" 'what was put outside'
done
rm -rf "$root/.amphora-links" "$root/name"

it 'counts and objects that are broken do no harm'
forge
for what in 'ln -s 99999999999999999999' 'ln -s -- -1' 'ln -s x' mkfifo mkdir; do
	rm -rf "$root/.amphora-links/00/$id" "$root/.amphora-links/00/$id.n"
	echo text >"$root/.amphora-links/00/$id"
	$what "$root/.amphora-links/00/$id.n"
	guest --hard-links emulated sh -c 'stat -c %F /name; ln /name /two; rm -f /two /name; ls /bin/sh'
	out_has /bin/sh
	forge
	case $what in mk*)
		$what "$root/.amphora-links/00/$id"
		guest --hard-links emulated sh -c 'timeout 5 cat /name; ln /name /two; rm -f /two /name; ls /bin/sh'
		out_has /bin/sh
		;;
	esac
	forge
done
rm -rf "$root/.amphora-links" "$root/name"

it "a link of PRoot's leads to no file that a mount protects"
mkdir -p "$root/l2s"
echo whole >"$root/l2s/.l2s.file0001.0002"
ln -sf /l2s/.l2s.file0001.0002 "$root/l2s/.l2s.file0001"
guest --hard-links emulated -v "$root/l2s:/l2s" sh -c 'ln -s /l2s/.l2s.file0001 /tmp/way; cat /l2s/.l2s.file0001'
out whole
for what in guest bare; do
	rm -f "$root/tmp/way"
	$what --hard-links emulated -v "$root/l2s:/l2s:ro" sh -c 'ln -s /l2s/.l2s.file0001 /tmp/way; echo spoiled >>/tmp/way; ln /tmp/way /tmp/more; rm -f /tmp/more; rm -f /tmp/way; chmod 600 /tmp/way; true'
	same whole "$(cat "$root/l2s/.l2s.file0001.0002")" 'the protected file'
	$what --hard-links emulated -v "$root/mnt:/l2s" sh -c 'rm -f /tmp/way; ln -s /l2s/.l2s.file0001 /tmp/way; cat /tmp/way'
	out ''
done
rm -rf "$root/l2s" "$root/tmp/way"

if as root; then
	done_testing
	exit
fi

it "the image host shows the host's processes by no way"
for what in '' landlock_create_ruleset; do
	# shellcheck disable=SC2016
	set -- run --backend ptrace host sh -c 'ls /proc | grep -qx $$ && mount --bind / /mnt && umount -l /proc && ls /proc /mnt/proc; cat /mnt/proc/$PPID/maps; unshare -rm umount -l /proc; ls /proc/self' 2>/dev/null
	if [ -n "$what" ]; then run "$HELPERS/deny" "$what" "$AMPHORA" "$@"; else run "$AMPHORA" "$@"; fi
	out_has /mnt/proc
	out_lacks '[0-9]|maps|self'
done

it "a guest's tmpfs goes, however deep it is"
run sh -c 'ulimit -n 256; "$0" run --backend ptrace --rootfs "$1" sh -c "mount -t tmpfs none /mnt && mkdir -p /mnt/\$(printf d/%.0s \$(seq 900))leftover-deep && echo made"' "$AMPHORA" "$root"
out made
same '' "$(find "${XDG_RUNTIME_DIR:-/run}" "${TMPDIR:-/tmp}" "$root" -name leftover-deep 2>/dev/null)" 'what is left'

it 'a bind leads to what was bound, whatever is put in its place'
canary
swap='rm -rf /d /e; mkdir /d; echo inside >/d/canary; mount --bind /d /mnt; mv /d /e; ln -s "$1" /d
	cat /mnt/canary; ls /mnt; echo spoiled >/mnt/canary; mkdir /mnt/made; chmod 777 /mnt; cd /mnt && cat canary; ls /proc/self/cwd/
	rm -f /d; echo inside >/d; mkdir -p /e; touch /e/f; mount --bind /d /e/f; rm /d; ln -s "$1/canary" /d; cat /e/f; echo spoiled >/e/f'
attack_works sh -c 'ln -s "$1" "$1/way"; cat "$1/way/canary"; rm "$1/way"' sh "$WORK"
mode=$(stat -c %a "$WORK")
for what in guest bare; do
	$what sh -c "$swap" sh "$WORK"
	canary_untouched
	out_lacks canary
	[ ! -e "$WORK/made" ] || fail 'a directory was made outside'
	same "$mode" "$(stat -c %a "$WORK")" 'the mode of the directory outside'
done

done_testing
