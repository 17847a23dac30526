//! The sorted set against a naive model, and the edges the model does not reach.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The same set as an ordered set of (score, member); scores are small integers so that ties are common.
type Model = BTreeSet<(i32, Vec<u8>)>;

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, i32),
    Remove(u16),
    RemoveRanks(u16, u16),
}

/// Members of `spread` numbers; every seventh is too long to lie inline.
fn member(n: u16) -> Vec<u8> {
    if n.is_multiple_of(7) { format!("{n:>40}").into_bytes() } else { n.to_string().into_bytes() }
}

fn steps(spread: u16, count: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..spread, -20..20i32).prop_map(|(m, s)| Step::Insert(m, s)),
        4 => (0..spread).prop_map(Step::Remove),
        1 => (0..spread, 0..9u16).prop_map(|(at, n)| Step::RemoveRanks(at, n)),
    ];
    proptest::collection::vec(step, 0..count)
}

fn apply(step: &Step, zset: &mut Zset, model: &mut Model) {
    match step {
        Step::Insert(n, score) => apply_insert(&member(*n), *score, zset, model),
        Step::Remove(n) => {
            let old = model.iter().find(|(_, m)| *m == member(*n)).cloned();
            old.iter().for_each(|old| assert!(model.remove(old)));
            assert_eq!(zset.remove(&member(*n)), old.map(|(s, _)| f64::from(s)));
        }
        Step::RemoveRanks(at, n) => {
            let end = (usize::from(*at) + usize::from(*n)).min(model.len());
            let ranks = usize::from(*at).min(end)..end;
            let gone: Vec<_> = model.iter().skip(ranks.start).take(ranks.len()).cloned().collect();
            gone.iter().for_each(|g| assert!(model.remove(g)));
            assert_eq!(zset.remove_ranks(ranks), gone.len());
        }
    }
}

fn apply_insert(member: &[u8], score: i32, zset: &mut Zset, model: &mut Model) {
    let old = model.iter().find(|(_, m)| m == member).cloned();
    old.iter().for_each(|old| assert!(model.remove(old)));
    model.insert((score, member.to_vec()));
    assert_eq!(zset.insert(member, f64::from(score)), old.map(|(s, _)| f64::from(s)));
}

fn assert_same(zset: &Zset, model: &Model) {
    let want: Vec<(&[u8], f64)> = model.iter().map(|(s, m)| (m.as_slice(), f64::from(*s))).collect();
    assert_eq!(zset.len(), want.len());
    assert_eq!(zset.iter().collect::<Vec<_>>(), want);
    assert!(zset.iter().rev().eq(want.iter().rev().copied()));
    for (rank, (member, score)) in want.iter().enumerate() {
        assert_eq!(
            (zset.rank(member), zset.score(member), zset.at(rank)),
            (Some(rank), Some(*score), Some(want[rank]))
        );
    }
    if let Form::Large(large) = &zset.form {
        large.tree.check();
        assert_eq!(large.scores.len(), large.tree.len());
    }
}

fn bound(score: i32, exclusive: bool) -> ScoreBound {
    ScoreBound { score: f64::from(score), edge: if exclusive { Edge::Exclusive } else { Edge::Inclusive } }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn equals_the_model_while_small(steps in steps(60, 120)) {
        let (mut zset, mut model) = (Zset::new(7), Model::new());
        for step in &steps {
            apply(step, &mut zset, &mut model);
        }
        prop_assert_eq!(zset.encoding(), "listpack");
        assert_same(&zset, &model);
    }

    #[test]
    fn equals_the_model_while_large(steps in steps(900, 1500)) {
        let (mut zset, mut model) = (Zset::new(7), Model::new());
        for (i, step) in steps.iter().enumerate() {
            apply(step, &mut zset, &mut model);
            if i % 500 == 0 {
                assert_same(&zset, &model);
            }
        }
        assert_same(&zset, &model);
    }

    #[test]
    fn ranges_by_score_equal_the_model(
        steps in steps(400, 600), min in -22..22i32, max in -22..22i32, min_ex: bool, max_ex: bool
    ) {
        let (mut zset, mut model) = (Zset::new(7), Model::new());
        steps.iter().for_each(|step| apply(step, &mut zset, &mut model));
        let inside = |s: i32| (s > min || s == min && !min_ex) && (s < max || s == max && !max_ex);
        let want: Vec<&[u8]> = model.iter().filter(|(s, _)| inside(*s)).map(|(_, m)| m.as_slice()).collect();
        let ranks = zset.ranks_by_score(bound(min, min_ex), bound(max, max_ex));
        prop_assert_eq!(zset.range(ranks).map(|(m, _)| m).collect::<Vec<_>>(), want);
    }

    #[test]
    fn ranges_by_member_equal_the_model(
        members in proptest::collection::btree_set("[a-d]{0,4}", 0..250), min in "[a-d]{0,3}", max in "[a-d]{0,3}"
    ) {
        let mut zset = Zset::new(7);
        members.iter().for_each(|m| { zset.insert(m.as_bytes(), 0.0); });
        let (low, high) = (Bytes::from(min.clone()), Bytes::from(max.clone()));
        let ranks = zset.ranks_by_lex(&LexBound::At(low, Edge::Inclusive), &LexBound::At(high, Edge::Exclusive));
        let want: Vec<&[u8]> = members.iter().filter(|m| **m >= min && **m < max).map(|m| m.as_bytes()).collect();
        prop_assert_eq!(zset.range(ranks).map(|(m, _)| m).collect::<Vec<_>>(), want);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_scan_shows_all_that_stays(steps in steps(900, 300), count in 1..40usize) {
        let (mut zset, mut model) = (Zset::new(7), Model::new());
        let stays: BTreeSet<Vec<u8>> = (900..1300).map(member).collect();
        stays.iter().for_each(|m| apply_insert(m, 0, &mut zset, &mut model));
        let (mut seen, mut cursor, mut steps) = (BTreeSet::new(), 0, steps.iter());
        loop {
            cursor = zset.scan(cursor, count, |m, _| { seen.insert(m.to_vec()); });
            if cursor == 0 {
                break;
            }
            let not_ranks = |step: &&Step| !matches!(step, Step::RemoveRanks(..));
            steps.by_ref().filter(not_ranks).take(5).for_each(|step| apply(step, &mut zset, &mut model));
        }
        prop_assert!(stays.is_subset(&seen));
    }
}

/// Filled in order, in reverse and into one gap, then emptied from either end and from the middle.
#[test]
fn the_tree_holds_through_one_sided_growth_and_decay() {
    const COUNT: i32 = 5000;
    let ascending: Vec<i32> = (0..COUNT).collect();
    let descending: Vec<i32> = (0..COUNT).rev().collect();
    let gap: Vec<i32> = (0..COUNT / 2).chain((COUNT / 2..COUNT).rev()).collect();
    for order in [ascending, descending, gap] {
        let (mut zset, mut model) = (Zset::new(7), Model::new());
        for n in order {
            zset.insert(&member(n as u16), f64::from(n));
            model.insert((n, member(n as u16)));
        }
        assert_same(&zset, &model);
        while zset.len() > 2 {
            let middle = zset.len() / 2;
            for rank in [zset.len() - 1, middle, 0] {
                let gone = zset.at(rank).map(|(m, s)| (s as i32, m.to_vec())).unwrap();
                zset.remove(&gone.1);
                model.remove(&gone);
            }
            if zset.len() % 500 < 3 {
                assert_same(&zset, &model);
            }
        }
        zset.remove_ranks(0..zset.len());
        assert!(zset.is_empty() && zset.iter().next().is_none() && zset.iter().next_back().is_none());
    }
}

#[test]
fn leaves_filled_in_ascending_order_stay_full() {
    let mut zset = Zset::new(7);
    (0..6400).for_each(|n| {
        zset.insert(&member(n), f64::from(n));
    });
    let Form::Large(large) = &zset.form else { panic!("6400 members are not small") };
    assert_eq!(large.tree.leaf_at(3200).0.len(), 64);
}

#[test]
fn the_small_form_ends_at_its_limits() {
    let mut zset = Zset::new(7);
    for n in 0..SMALL_ENTRIES_MAX {
        zset.insert(n.to_string().as_bytes(), 0.0);
    }
    zset.insert(b"5", 1.0);
    assert_eq!(zset.encoding(), "listpack");
    zset.insert(b"one more", 0.0);
    assert_eq!((zset.encoding(), zset.len()), ("skiplist", SMALL_ENTRIES_MAX + 1));

    let mut zset = Zset::new(7);
    zset.insert(&[b'm'; SMALL_MEMBER_MAX], 0.0);
    assert_eq!(zset.encoding(), "listpack");
    zset.insert(&[b'm'; SMALL_MEMBER_MAX + 1], 0.0);
    assert_eq!((zset.encoding(), zset.len()), ("skiplist", 2));
}

#[test]
fn infinities_end_the_order_and_zeros_are_equal() {
    let mut zset = Zset::new(7);
    for (member, score) in [("b", 0.0), ("a", -0.0), ("z", f64::NEG_INFINITY), ("c", f64::INFINITY)] {
        zset.insert(member.as_bytes(), score);
    }
    assert_eq!(zset.iter().map(|(m, _)| m).collect::<Vec<_>>(), [b"z", b"a", b"b", b"c"]);
    let everything = |edge| {
        let bound = |score| ScoreBound { score, edge };
        zset.ranks_by_score(bound(f64::NEG_INFINITY), bound(f64::INFINITY))
    };
    assert_eq!((everything(Edge::Inclusive), everything(Edge::Exclusive)), (0..4, 1..3));
    assert_eq!(zset.ranks_by_score(bound(5, false), bound(-5, false)).len(), 0);
    assert_eq!(zset.ranks_by_lex(&LexBound::Highest, &LexBound::Lowest).len(), 0);
    assert_eq!(zset.ranks_by_lex(&LexBound::Lowest, &LexBound::Highest), 0..4);
}
