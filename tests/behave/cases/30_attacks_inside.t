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
	guest -v "$root/locked:/locked" /helpers/breakout $way /locked file
	out_has written
	for what in guest bare; do
		for source in "$root/locked" "$WORK/outer"; do
			fresh
			$what -v "$source:/locked:ro" /helpers/breakout $way /locked file
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


if as root; then
	done_testing
	exit
fi

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
