//! What to do where the user may not open a device.

use std::os::unix::fs::MetadataExt;

use super::system::System;

/// Who asks: a user, and the groups that the process has, which are those of the last log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) uid: u32,
    pub(super) groups: Vec<u32>,
}

impl Asker {
    pub(super) fn of_process() -> Self {
        use rustix::process::{getegid, geteuid, getgroups};
        let mut groups: Vec<u32> =
            getgroups().unwrap_or_default().iter().map(|group| group.as_raw()).collect();
        groups.push(getegid().as_raw());
        Self { uid: geteuid().as_raw(), groups }
    }
}

/// That the device `index` may not be opened by `asker`, with the group that may, and how to be in it.
pub(super) fn denied(system: &System, index: u32, asker: &Asker) -> String {
    let Ok(facts) = std::fs::metadata(system.node(index)) else {
        return "permission denied".to_owned();
    };
    let may = (facts.mode() >> 3) & 0o6 == 0o6;
    let group = group_named(system, |_, gid, _| gid == facts.gid());
    // Nobody is to join the administrator's group for a camera.
    let Some((name, _, members)) = group.filter(|(name, ..)| may && name != "root") else {
        return format!(
            "permission denied, to its group too; a rule of udev must give /dev/video{index} to a group, such as \
             `SUBSYSTEM==\"video4linux\", GROUP=\"video\", MODE=\"0660\"` in /etc/udev/rules.d/"
        );
    };
    let user = user_name(system, asker.uid);
    if asker.groups.contains(&facts.gid()) {
        return format!(
            "permission denied, though this user is in its group `{name}`: a container or a security module forbids \
             it; hand the device in, as with `--device /dev/video{index}`"
        );
    }
    if user.as_ref().is_some_and(|user| members.contains(user)) {
        return format!(
            "permission denied: {} is in the group `{name}` since the last log-in; log in again, or start the \
             service anew",
            user.unwrap_or_default()
        );
    }
    let user = user.unwrap_or_else(|| "$USER".to_owned());
    format!(
        "permission denied; join its group `{name}` with `sudo usermod -aG {name} {user}` and log in again"
    )
}

/// The first line of the database of groups that `wanted` takes: name, number, members.
fn group_named(
    system: &System,
    wanted: impl Fn(&str, u32, &[String]) -> bool,
) -> Option<(String, u32, Vec<String>)> {
    let text = std::fs::read_to_string(system.path("etc/group")).ok()?;
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, number, members] = fields.as_slice() else { return None };
        let number = number.parse().ok()?;
        let members: Vec<String> = members.split(',').map(|member| member.trim().to_owned()).collect();
        wanted(name, number, &members).then(|| ((*name).to_owned(), number, members))
    })
}

fn user_name(system: &System, uid: u32) -> Option<String> {
    let text = std::fs::read_to_string(system.path("etc/passwd")).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>().ok()? == uid).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::system::fake::Fake;
    use super::*;

    #[test]
    fn the_group_that_owns_the_device_is_named() {
        let fake = Fake::new();
        fake.write("dev/video0", "");
        let set_mode = |mode| {
            std::fs::set_permissions(fake.system.node(0), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set_mode(0o660);
        let gid = std::fs::metadata(fake.system.node(0)).unwrap().gid();
        fake.write("etc/passwd", "root:x:0:0::/root:/bin/sh\ndoor:x:1007:1007::/home/door:/bin/sh\n");
        let groups = |members: &str| {
            fake.write(
                "etc/group",
                &format!("broken\nother:x:{}:door\ncameras:x:{gid}:{members}\n", gid + 1),
            );
        };
        let says = |groups: &[u32]| denied(&fake.system, 0, &Asker { uid: 1007, groups: groups.to_vec() });
        groups("ana");
        assert_eq!(
            says(&[1007]),
            "permission denied; join its group `cameras` with `sudo usermod -aG cameras door` and log in again"
        );
        groups("ana,door");
        assert!(says(&[1007]).contains("door is in the group `cameras` since the last log-in; log in again"));
        assert!(says(&[gid]).contains("a container or a security module"));
        groups("");
        let unknown = denied(&fake.system, 0, &Asker { uid: 4000, groups: vec![] });
        assert!(unknown.contains("usermod -aG cameras $USER"), "{unknown}");
        // Where the group itself may not, being in it does not help.
        set_mode(0o600);
        assert!(says(&[1007]).contains("udev"));
        fake.write("etc/group", &format!("root:x:{gid}:\n"));
        set_mode(0o660);
        assert!(says(&[1007]).contains("udev"));
        fake.write("etc/group", "");
        set_mode(0o660);
        assert!(says(&[1007]).contains("udev"));
        assert_eq!(denied(&fake.system, 5, &Asker { uid: 0, groups: vec![] }), "permission denied");
    }

    #[test]
    fn the_process_knows_its_groups() {
        assert!(!Asker::of_process().groups.is_empty());
    }
}
