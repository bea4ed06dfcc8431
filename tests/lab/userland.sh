#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the packages' scripts would have done, as far as the lab needs it: they can't run on a foreign
# architecture.
#   tests/lab/userland.sh DIRECTORY
set -eu
cd "$1"

ln -sf dash bin/sh
ln -sf mawk usr/bin/awk
[ -e usr/bin/which ] || ln -s which.debianutils usr/bin/which
python=$(cd usr/bin && echo python3.[0-9]*)
ln -sf "${python%% *}" usr/bin/python3
cat >etc/passwd <<'EOF'
root:x:0:0:root:/root:/bin/sh
amphora-test:x:1000:1000::/home/amphora-test:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
EOF
cat >etc/group <<'EOF'
root:x:0:
tty:x:5:
amphora-test:x:1000:
nogroup:x:65534:
EOF
echo 'amphora-test:100000:65536' >etc/subuid
echo 'amphora-test:100000:65536' >etc/subgid
echo '127.0.0.1 localhost' >etc/hosts
echo lab >etc/hostname
: >etc/resolv.conf
: >etc/fstab
mkdir -p home/amphora-test root proc sys dev run tmp var/tmp lab
chown 1000:1000 home/amphora-test
chmod 1777 tmp var/tmp
rm -rf var/cache/apt usr/share/doc usr/share/man usr/share/locale var/lib/apt
