#!/bin/sh
# Makes the private namespaces that it runs in look like a machine with muster as a service on it, then runs
# what is named. Nothing of it is seen outside, and all of it is gone when that ends.
#
# usage: unshare -m -p -f --kill-child --mount-proc world.sh MUSTER MODELS PICTURES SSHD_CONFIG COMMAND...
set -eu
muster=$1 models=$2 pictures=$3 sshd_config=$4
shift 4

mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/etc /mnt/models /mnt/pictures /mnt/bin
cp -a /etc/. /mnt/etc/
install -m 755 "$muster" /mnt/bin/muster
# Where every account can run it, wherever the checkout lies.
touch /mnt/bin/test
mount --bind "$1" /mnt/bin/test
cp "$sshd_config" /mnt/sshd.conf
mount --bind "$models" /mnt/models
mount --bind "$pictures" /mnt/pictures
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir /run/sshd /run/world

# The accounts of packaging/sysusers.conf, and one of somebody who sits at the machine.
for account in muster:61990:/var/lib/muster:/usr/sbin/nologin muster-ssh:61991:/:/bin/sh \
    desk:61992:/nonexistent:/bin/sh; do
    IFS=: read -r name id home shell <<END
$account
END
    echo "$name:x:$id:$id::$home:$shell" >>/mnt/etc/passwd
    echo "$name:x:$id:" >>/mnt/etc/group
    echo "$name:*:19000::::::" >>/mnt/etc/shadow
done
mkdir -p /mnt/etc/muster
cat >/mnt/etc/muster/muster.toml <<END
[data]
dir = "/var/lib/muster"
[store]
key = "file:/run/world/store.key"
[models]
dir = "/mnt/models"
[access]
two_person = ["erase"]
[source]
default = "replay:/mnt/pictures/show"
END
mount --bind /mnt/etc /etc
install -d -o muster -g muster -m 700 /var/lib/muster
install -d -o muster -g muster -m 755 /run/muster
install -d -o muster -g muster -m 700 /run/world/state
chown muster /run/world

# What the package installs for sshd, with the program where it is here.
{
    echo "Port $MUSTER_TEST_PORT"
    echo "ListenAddress 127.0.0.1"
    echo "HostKey /run/sshd/host_key"
    echo "PidFile none"
    echo "UsePAM no"
    echo "LogLevel VERBOSE"
    echo "AcceptEnv *"
    echo "Subsystem sftp /usr/lib/openssh/sftp-server"
    sed -e 's|/usr/bin/muster|/mnt/bin/muster|' /mnt/sshd.conf
} >/run/sshd/config
ssh-keygen -q -t ed25519 -N '' -f /run/sshd/host_key
for key in admin operator observer stranger; do
    ssh-keygen -q -t ed25519 -N '' -C "$key; touch /run/world/owned" -f "/run/sshd/$key"
done
exec "$@"
