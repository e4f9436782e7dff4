//! Shots that are taken by themselves, the self-test, and what an enrolment says or refuses.

use super::challenge::Door;
use super::stand_ins::{SharedStore, engine, enrol_as, file, person};
use crate::engine::EngineHandle;
use crate::engine::command::{
    Command, CommandError, EnrolmentPictures, EnrolmentSource, EnrolmentTarget, FaceChoice, PictureBytes,
    Reply, SelfTest, SelfTestOf, ShootingId, Shot,
};
use crate::engine::enrolment::selector::PATIENCE_MS;
use crate::engine::state::ShootingView;
use crate::ledger::EntryKind;

fn new(name: &str) -> EnrolmentTarget {
    EnrolmentTarget::New { name: name.parse().unwrap(), identifier: None }
}

fn begin(handle: &EngineHandle) -> ShootingId {
    match handle.call(Command::BeginShooting) {
        Ok(Reply::Shooting(run)) => run,
        other => panic!("{other:?}"),
    }
}

fn end(handle: &EngineHandle, run: ShootingId) -> Vec<Shot> {
    match handle.call(Command::EndShooting(run)) {
        Ok(Reply::Shots(shots)) => shots,
        other => panic!("{other:?}"),
    }
}

fn view(handle: &EngineHandle) -> ShootingView {
    handle.snapshot().live.shooting.clone().unwrap()
}

fn enrol_shots(
    handle: &EngineHandle,
    name: &str,
    shots: &[Shot],
    anyway: bool,
) -> Result<Reply, CommandError> {
    let source = EnrolmentSource::Shots(shots.iter().map(|shot| shot.id).collect());
    handle.call(Command::Enrol { target: new(name), source, anyway })
}

fn enrol_files(
    handle: &EngineHandle,
    name: &str,
    people: &[&[u8]],
    (leave_out, anyway): (bool, bool),
) -> Result<Reply, CommandError> {
    let named =
        |(number, people): (usize, &&[u8])| PictureBytes { label: number.to_string(), ..file(people) };
    let pictures = people.iter().enumerate().map(named).collect();
    let source = EnrolmentSource::Pictures(EnrolmentPictures { pictures, face: FaceChoice::Main, leave_out });
    handle.call(Command::Enrol { target: new(name), source, anyway })
}

#[test]
fn shots_are_taken_of_one_person_and_a_run_without_a_further_one_ends() {
    let store = SharedStore::new();
    let mut door = Door::open(&store);
    door.show(vec![0]);
    let run = begin(&door.handle);
    door.show(vec![0]);
    assert_eq!((view(&door.handle).taken, view(&door.handle).said.as_str()), (0, "look into the camera"));
    door.show(vec![3, 4]);
    assert_eq!(view(&door.handle).said, "only one person should be near");
    door.show(vec![3]);
    assert_eq!((view(&door.handle).taken, view(&door.handle).complete), (1, false));
    door.show(vec![3]);
    for _ in 0..4 {
        door.show(vec![4]);
    }
    assert_eq!(view(&door.handle).said, "somebody else is before the camera");
    for _ in 0..PATIENCE_MS / 100 {
        door.show(vec![3]);
    }
    assert!(view(&door.handle).complete);
    let shots = end(&door.handle, run);
    assert_eq!(shots.len(), 1);
    assert!(matches!(door.handle.call(Command::EndShooting(run)), Err(CommandError::NoSuchShooting)));
    assert!(door.handle.snapshot().live.shooting.is_none());

    person(enrol_shots(&door.handle, "Cy", &shots, false).unwrap());
    // The same shots again are somebody who is enrolled.
    let refused = enrol_shots(&door.handle, "Di", &shots, false).unwrap_err();
    assert!(
        matches!(&refused, CommandError::LooksEnrolled { people } if people[0].name.as_str() == "Cy"),
        "{refused}"
    );
    assert!(enrol_shots(&door.handle, "Di", &shots, true).is_ok());
}

/// The answer to a self-test of `of` while Cy and somebody else are shown in turn.
fn tested(door: &mut Door, of: SelfTestOf) -> SelfTest {
    let (asked, answer) = (door.handle.clone(), crossbeam_channel::bounded(1));
    let tester = std::thread::spawn(move || {
        let _ = answer.0.send(asked.call(Command::SelfTest(of)));
    });
    let mut who = [3u8, 4].into_iter().cycle();
    let reply = loop {
        match answer.1.try_recv() {
            Ok(reply) => break reply,
            Err(_) => door.show(vec![who.next().unwrap()]),
        }
    };
    tester.join().unwrap();
    match reply {
        Ok(Reply::SelfTest(test)) => test,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_self_test_says_in_how_many_frames_somebody_was_recognised() {
    let store = SharedStore::new();
    let mut door = Door::open(&store);
    door.show(vec![0]);
    let run = begin(&door.handle);
    door.show(vec![3]);
    let shots: Vec<_> = end(&door.handle, run).iter().map(|shot| shot.id).collect();
    let before = tested(&mut door, SelfTestOf::Shots(shots));
    assert_eq!((before.frames, before.identified), (8, 4), "nobody is enrolled yet");
    let cy = person(enrol_as(&door.handle, new("Cy"), vec![file(&[3])]).unwrap());
    let after = tested(&mut door, SelfTestOf::Person(cy));
    assert_eq!((after.frames, after.identified), (8, 4));
    assert!(after.similarity.unwrap().0 > 0.99 && after.threshold.is_some());
    let unknown = door.handle.call(Command::SelfTest(SelfTestOf::Shots(vec![])));
    assert!(matches!(unknown, Err(CommandError::NoSuchShot)));
}

#[test]
fn several_pictures_are_one_person_or_the_odd_one_is_left_out() {
    let store = SharedStore::new();
    let (running, handle) = engine(&store);
    let refused = enrol_files(&handle, "Cy", &[&[3], &[4], &[3]], (false, false)).unwrap_err();
    assert!(matches!(&refused, CommandError::NotOnePerson { labels, .. } if labels.len() == 1), "{refused}");
    let no_face = enrol_files(&handle, "Cy", &[&[3], &[0]], (false, false)).unwrap_err();
    assert!(matches!(no_face, CommandError::NoFace { .. }));
    assert_eq!(store.count(EntryKind::Enrolled), 0, "nobody is half enrolled");

    let reply = enrol_files(&handle, "Cy", &[&[3], &[0], &[3, 4], &[3]], (true, false)).unwrap();
    let Reply::Enrolled { templates_added, notes, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((templates_added, notes.pictures.len(), notes.refused.len()), (2, 2, 2));
    assert!(notes.refused.iter().any(|picture| picture.reason.contains("no face")), "{notes:?}");
    let none = enrol_files(&handle, "Di", &[&[0], &[0]], (true, false)).unwrap_err();
    assert!(none.to_string().starts_with("no picture can be used: "), "{none}");
    assert_eq!(store.count(EntryKind::Enrolled), 1);
    running.stop();
}
