//! Names that someone may have meant.

/// How many names are offered.
const OFFERED: usize = 3;

/// Longest name that is compared: the comparison is quadratic.
const COMPARED: usize = 64;

/// The known names that differ least from this one, nearest first; none when all are far away.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let far = name.chars().count().div_euclid(3).max(2);
    let mut found: Vec<(usize, &str)> = known
        .map(|other| (distance(name, other), other))
        .filter(|(distance, _)| *distance <= far)
        .collect();
    found.sort_unstable();
    found.dedup();
    let names = found.into_iter().take(OFFERED);
    names.map(|(_, other)| other.to_owned()).collect()
}

/// "did you mean …", when there is a name near by.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let near = nearest(name, known).into_iter().next()?;
    Some(format!("did you mean {near:?}"))
}

/// Letters to change, add or leave out (Levenshtein). Long names are infinitely far.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > COMPARED || b.len() > COMPARED {
        return if a == b { 0 } else { usize::MAX };
    }
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (y, above) in b.to_lowercase().chars().zip(row.iter().skip(1)) {
            let changed = diagonal.saturating_add(usize::from(x != y));
            left = changed.min(left.min(*above).saturating_add(1));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first() {
        let known = ["orders-db", "order-db", "payments-db", "web"];
        assert_eq!(
            nearest("orders-bd", known.into_iter()),
            ["orders-db", "order-db"]
        );
        assert_eq!(nearest("zzz", known.into_iter()), ["web"; 0]);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("Ada", "ada"), 0);
    }
}
