//! What is different since a point: found in the feed, and opened on as many cores as it is worth. A store is
//! read whole when muster starts, and most of that is opening what is sealed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Sender, bounded};
use redb::{ReadOnlyTable, ReadTransaction};
use zeroize::Zeroizing;

use crate::store::changes::Object;
use crate::store::crypt::Key;
use crate::store::crypt::ring::{Ring, SITE, Subject};
use crate::store::{Change, ChangePoint, Changes};

use super::tables::{CHANGE_POINT, FEED, KEYS, META, OPERATORS, PEOPLE, STRANGERS, TEMPLATES, meta, object};
use super::{Fault, sealed};

/// Objects that a thread reads at a time: it takes some milliseconds. Fewer are read without another thread.
const A_PART: usize = 1_000;

/// As [`Store::changes_since`](crate::store::Store::changes_since).
pub(super) fn changes_since(
    transaction: &ReadTransaction,
    ring: &Ring,
    point: ChangePoint,
) -> Result<Changes, Fault> {
    changes_with(transaction, ring, point, A_PART, cores())
}

/// As [`Store::everything`](crate::store::Store::everything).
pub(super) fn everything(
    transaction: &ReadTransaction,
    ring: &Ring,
    take: &mut dyn FnMut(Vec<Change>),
) -> Result<(), Fault> {
    let reader = Reader::open(transaction, ring, true)?;
    reader.all(&objects(transaction, ChangePoint(0))?, A_PART, cores(), take)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The same in parts of `size`, read by so many threads.
pub(super) fn changes_with(
    transaction: &ReadTransaction,
    ring: &Ring,
    point: ChangePoint,
    size: usize,
    threads: usize,
) -> Result<Changes, Fault> {
    let values = transaction.open_table(META)?;
    let objects = objects(transaction, point)?;
    let reader = Reader::open(transaction, ring, point == ChangePoint::default())?;
    let mut changes = Vec::with_capacity(objects.len());
    reader.all(&objects, size, threads, &mut |mut part| changes.append(&mut part))?;
    Ok(Changes { point: ChangePoint(u64::from_be_bytes(meta(&values, CHANGE_POINT)?)), changes })
}

/// What is different since `point`.
fn objects(transaction: &ReadTransaction, point: ChangePoint) -> Result<Vec<Object>, Fault> {
    let feed = transaction.open_table(FEED)?;
    let later = feed.range((Bound::Excluded(point.0), Bound::Unbounded))?;
    later.map(|row| object(row?.1.value())).collect()
}

type Rows = ReadOnlyTable<u128, &'static [u8]>;

/// Reads what objects are now.
struct Reader<'a> {
    ring: &'a Ring,
    keys: ReadOnlyTable<(u8, u128), &'static [u8]>,
    people: Rows,
    templates: Rows,
    strangers: Rows,
    operators: Rows,
    /// What is gone is left out, as nobody has it.
    from_nothing: bool,
}

/// What one object leaves for the next.
#[derive(Default)]
struct Last {
    /// The key that was used: a person and their templates mostly come one after the other.
    key: Option<(Subject, Key)>,
    /// Room for what is opened.
    plain: Zeroizing<Vec<u8>>,
}

impl<'a> Reader<'a> {
    fn open(transaction: &ReadTransaction, ring: &'a Ring, from_nothing: bool) -> Result<Self, Fault> {
        Ok(Self {
            ring,
            keys: transaction.open_table(KEYS)?,
            people: transaction.open_table(PEOPLE)?,
            templates: transaction.open_table(TEMPLATES)?,
            strangers: transaction.open_table(STRANGERS)?,
            operators: transaction.open_table(OPERATORS)?,
            from_nothing,
        })
    }

    /// Gives the changes of `objects` to `take`, in their order; `threads` threads read them in parts of `size`.
    fn all(
        &self,
        objects: &[Object],
        size: usize,
        threads: usize,
        take: &mut dyn FnMut(Vec<Change>),
    ) -> Result<(), Fault> {
        let parts: Vec<&[Object]> = objects.chunks(size).collect();
        if threads < 2 || parts.len() < 2 {
            return parts.iter().try_for_each(|part| {
                take(self.part(part)?);
                Ok(())
            });
        }
        let next = AtomicUsize::new(0);
        // A thread that is ahead waits: so many parts are in memory at most.
        let (sender, read) = bounded(2 * threads);
        thread::scope(|scope| {
            let (parts, next) = (&parts, &next);
            let work = |sender: Sender<(usize, Result<Vec<Change>, Fault>)>| {
                move || {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(part) = parts.get(at) else { return };
                        if sender.send((at, self.part(part))).is_err() {
                            return;
                        }
                    }
                }
            };
            let named = || thread::Builder::new().name("muster-open".to_owned());
            let spawned: Vec<_> = (0..threads.min(parts.len()))
                .filter_map(|_| named().spawn_scoped(scope, work(sender.clone())).ok())
                .collect();
            drop(sender);
            // Let go of when this ends, also by a fault: the threads find the channel closed then and end.
            let read = read;
            let mut early = BTreeMap::new();
            let mut wanted = 0;
            while let Ok((at, part)) = read.recv() {
                early.insert(at, part);
                while let Some(part) = early.remove(&wanted) {
                    take(part?);
                    wanted += 1;
                }
            }
            for thread in spawned {
                // What redb panics with over a damaged page is told apart where the whole reading is guarded.
                thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
            // Where no thread could be started.
            parts[wanted..].iter().try_for_each(|part| {
                take(self.part(part)?);
                Ok(())
            })
        })
    }

    fn part(&self, objects: &[Object]) -> Result<Vec<Change>, Fault> {
        let mut last = Last::default();
        let mut changes = Vec::with_capacity(objects.len());
        for object in objects {
            changes.extend(self.change(object, &mut last)?);
        }
        Ok(changes)
    }

    fn key(&self, subject: Subject, last: &mut Option<(Subject, Key)>) -> Result<Key, Fault> {
        if let Some((_, key)) = last.as_ref().filter(|(known, _)| *known == subject) {
            return Ok(key.clone());
        }
        let key = sealed::known_key(&self.keys, self.ring, subject)?;
        *last = Some((subject, key.clone()));
        Ok(key)
    }

    fn change(&self, object: &Object, last: &mut Last) -> Result<Option<Change>, Fault> {
        let gone = |change| (!self.from_nothing).then_some(change);
        let Last { key, plain } = last;
        Ok(match object {
            Object::Person(id) => match self.people.get(id.0.0)? {
                Some(row) => {
                    let key = self.key(sealed::of_person(*id), key)?;
                    Some(Change::PersonPut(sealed::person(&key, *id, row.value())?))
                }
                None => gone(Change::PersonErased(*id)),
            },
            Object::Template(id) => match self.templates.get(id.0.0)? {
                Some(row) => {
                    let owner = sealed::template_owner(*id, row.value())?;
                    let key = self.key(sealed::of_person(owner), key)?;
                    Some(Change::TemplatePut(sealed::template_in(&key, *id, row.value(), plain)?))
                }
                None => gone(Change::TemplateRemoved(*id)),
            },
            Object::Stranger(id) => match self.strangers.get(id.0.0)? {
                Some(row) => {
                    let key = self.key(sealed::of_stranger(*id), key)?;
                    Some(Change::StrangerPut(sealed::stranger(&key, *id, row.value())?))
                }
                None => gone(Change::StrangerRemoved(*id)),
            },
            Object::Operator(id) => match self.operators.get(id.0.0)? {
                Some(row) => {
                    let key = self.key(SITE, key)?;
                    Some(Change::OperatorPut(sealed::operator(&key, *id, row.value())?))
                }
                None => gone(Change::OperatorRemoved(*id)),
            },
        })
    }
}
