mod exact;

use super::*;
use crate::face::embedding::dot;
use proptest::prelude::*;
use ulid::Ulid;

const SPACE: EmbeddingSpace = EmbeddingSpace([7; 32]);

fn template(id: u128, person: u128, values: &[f32]) -> Template {
    Template {
        id: TemplateId(Ulid(id)),
        person: PersonId(Ulid(person)),
        space: SPACE,
        embedding: Embedding::normalised(values.to_vec()).unwrap(),
    }
}

#[test]
fn runner_up_is_always_another_person() {
    let mut gallery = Gallery::new(SPACE, 2);
    gallery.put(&template(1, 1, &[1.0, 0.0]));
    gallery.put(&template(2, 1, &[0.99, 0.1]));
    gallery.put(&template(3, 2, &[0.0, 1.0]));
    let found = gallery.search(&Embedding::normalised(vec![1.0, 0.01]).unwrap());
    assert_eq!(found.best.unwrap().person, PersonId(Ulid(1)));
    assert_eq!(found.runner_up.unwrap().person, PersonId(Ulid(2)));
}

#[test]
fn templates_of_another_space_are_never_compared() {
    let mut gallery = Gallery::new(SPACE, 2);
    let mut foreign = template(1, 1, &[1.0, 0.0]);
    foreign.space = EmbeddingSpace([8; 32]);
    gallery.put(&foreign);
    assert_eq!((gallery.len(), gallery.foreign_templates()), (0, 1));
    assert_eq!(gallery.search(&foreign.embedding), Candidates::default());
}

#[test]
fn several_templates_are_searched_as_their_mean_in_whatever_order_they_came() {
    let all = [template(1, 1, &[1.0, 0.0]), template(2, 1, &[0.0, 1.0]), template(3, 1, &[1.0, 1.0])];
    let diagonal = Embedding::normalised(vec![1.0, 1.0]).unwrap();
    let found = |order: &[usize]| {
        let mut gallery = Gallery::new(SPACE, 2);
        order.iter().for_each(|index| gallery.put(&all[*index]));
        gallery.search(&diagonal).best.unwrap().similarity
    };
    assert!(found(&[0, 1]).0 > 0.999_9, "each of them alone is 0.71 like it");
    assert_eq!(found(&[0, 1, 2]), found(&[2, 1, 0]));
}

#[test]
fn templates_that_cancel_each_other_out_are_searched_by_the_first() {
    let mut gallery = Gallery::new(SPACE, 2);
    gallery.put(&template(2, 1, &[-1.0, 0.0]));
    gallery.put(&template(1, 1, &[1.0, 0.0]));
    let probe = Embedding::normalised(vec![1.0, 0.0]).unwrap();
    assert_eq!(gallery.search(&probe).best.unwrap().similarity, Similarity(1.0));
    gallery.remove_template(TemplateId(Ulid(1)));
    assert_eq!(gallery.search(&probe).best.unwrap().similarity, Similarity(-1.0));
    assert_eq!((gallery.len(), gallery.people_count(), gallery.templates_of(PersonId(Ulid(1)))), (1, 1, 1));
}

#[test]
fn what_was_put_before_the_space_was_known_is_searched_afterwards() {
    let mut undecided = Undecided::default();
    let mut foreign = template(1, 1, &[1.0, 0.0]);
    foreign.space = EmbeddingSpace([8; 32]);
    for template in
        [&foreign, &template(2, 2, &[0.0, 1.0]), &template(3, 3, &[0.6, 0.8]), &template(4, 4, &[1.0])]
    {
        undecided.put(template);
    }
    undecided.remove_template(TemplateId(Ulid(3)));
    // The same template, now of the space that is asked for.
    foreign.space = SPACE;
    undecided.put(&foreign);
    foreign.space = EmbeddingSpace([8; 32]);
    foreign.id = TemplateId(Ulid(5));
    undecided.put(&foreign);
    let probe = Embedding::normalised(vec![1.0, 0.1]).unwrap();
    assert_eq!(undecided.most_alike(&probe).unwrap().person, PersonId(Ulid(1)));
    assert_eq!(undecided.len(), 4);
    assert_eq!(undecided.templates_held(PersonId(Ulid(1))).len(), 2);
    for gallery in [undecided.as_decided(SPACE, 2), undecided.decide(SPACE, 2)] {
        assert_eq!((gallery.len(), gallery.foreign_templates()), (2, 2));
        assert_eq!(gallery.search(&probe).best.unwrap().person, PersonId(Ulid(1)));
        assert_eq!(gallery.people().collect::<Vec<_>>(), [PersonId(Ulid(1)), PersonId(Ulid(2))]);
    }
}

/// What is kept of values.
fn kept(values: &[f32]) -> Vec<f32> {
    Packed::of(values).values()
}

proptest! {
    /// Puts and removals in any order leave what a plain map would hold, and the search finds
    /// what a sort of all people by the similarity of their means finds.
    #[test]
    fn search_agrees_with_a_plain_sort(
        steps in prop::collection::vec((0u128..12, 0u128..5, prop::array::uniform3(-1.0f32..1.0), 0u8..4), 1..60),
        probe in prop::array::uniform3(-1.0f32..1.0),
    ) {
        let mut gallery = Gallery::new(SPACE, 3);
        let mut plain: BTreeMap<TemplateId, Template> = BTreeMap::new();
        for (id, person, mut values, what) in steps {
            values[0] += 2.0;
            match what {
                0 => {
                    gallery.remove_person(PersonId(Ulid(person)));
                    plain.retain(|_, t| t.person != PersonId(Ulid(person)));
                }
                1 => {
                    gallery.remove_template(TemplateId(Ulid(id)));
                    plain.remove(&TemplateId(Ulid(id)));
                }
                _ => {
                    let new = template(id, person, &values);
                    gallery.put(&new);
                    plain.insert(new.id, new);
                }
            }
        }
        prop_assert_eq!(gallery.len(), plain.len());
        let mut held: Vec<_> = gallery.templates().map(|(p, id, v)| (id, p, v)).collect();
        held.sort_by_key(|(id, ..)| *id);
        let wanted: Vec<_> =
            plain.values().map(|t| (t.id, t.person, kept(t.embedding.as_slice()))).collect();
        prop_assert_eq!(held, wanted);
        let probe = Embedding::normalised(vec![probe[0] + 2.0, probe[1], probe[2]]).unwrap();
        let mut sums: BTreeMap<PersonId, (usize, Vec<f32>)> = BTreeMap::new();
        for t in plain.values() {
            let (count, sum) = sums.entry(t.person).or_insert_with(|| (0, vec![0.0; 3]));
            *count += 1;
            sum.iter_mut().zip(kept(t.embedding.as_slice())).for_each(|(sum, value)| *sum += value);
        }
        let similarity = |(count, sum): (usize, Vec<f32>)| {
            let mean = if count == 1 { sum } else { kept(Embedding::normalised(sum).unwrap().as_slice()) };
            dot(&mean, probe.as_slice())
        };
        let mut sorted: Vec<_> = sums.into_iter().map(|(person, sum)| (person, similarity(sum))).collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let found = gallery.search(&probe);
        for (person, similarity) in &sorted {
            let own = gallery.similarity(*person, &probe).unwrap();
            prop_assert_eq!(own.0, *similarity);
        }
        let near: Vec<PersonId> =
            gallery.at_least(&probe, Similarity(0.9)).iter().map(|c| c.person).collect();
        let wanted: Vec<PersonId> = sorted.iter().filter(|s| s.1 >= 0.9).map(|s| s.0).collect();
        prop_assert_eq!(near, wanted);
        prop_assert_eq!(found.best.map(|c| c.person), sorted.first().map(|s| s.0));
        prop_assert_eq!(found.runner_up.map(|c| c.person), sorted.get(1).map(|s| s.0));
    }
}
