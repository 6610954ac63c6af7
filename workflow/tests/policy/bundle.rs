//! Bundles as bytes: packed, unpacked, damaged, compared.

use countersign_workflow::limits::{MAX_BUNDLE, MAX_PACKED_BUNDLE};
use countersign_workflow::policy::{Bundle, BundleError, Policy, check, diff_summary, starter};
use proptest::prelude::{ProptestConfig, Strategy, prop, proptest};

use super::world::{APPROVE, ENTITIES, permit, permit_for, with_entities};

fn of(files: &[(&str, &str)]) -> Result<Bundle, BundleError> {
    Bundle::new(
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
    )
}

#[test]
fn the_bytes_of_a_bundle_are_these() {
    let bundle = of(&[("b.md", "ü"), ("a.cedar", "")]).expect("it is fine");
    let bytes = b"\x01\x00\x02\x07a.cedar\x00\x00\x00\x00\x04b.md\x00\x00\x00\x02\xc3\xbc";
    assert_eq!(bundle.encode(), bytes);
    let hex: String = bundle
        .digest()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, DIGEST);
}

/// sha256sum of `countersign policy bundle`, a line feed and the bytes above.
const DIGEST: &str = "dd733d0f8d85b79a5a04b3f41bd6ae55a3fc5ecd9713d2337dc703e65a766b2e";

#[test]
fn names_numbers_and_sizes_have_limits() {
    let long = "a".repeat(65);
    for name in [
        "", ".", "..", ".a", "a/b", "a\\b", "A.md", "a b", "ä", "a\0", &long,
    ] {
        assert_eq!(
            of(&[(name, "")]),
            Err(BundleError::Name(name.to_owned())),
            "{name}"
        );
    }
    assert_eq!(
        of(&[("a", ""), ("a", "")]),
        Err(BundleError::Twice("a".into()))
    );
    assert_eq!(of(&[]), Err(BundleError::Files(0)));
    let many: Vec<String> = (0..65).map(|number| format!("f{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(of(&many), Err(BundleError::Files(65)));
    let large = "x".repeat(MAX_BUNDLE);
    assert!(matches!(
        of(&[("a", &large)]),
        Err(BundleError::TooLarge(_))
    ));
    let fits = "x".repeat(MAX_BUNDLE - 9);
    let fits = of(&[("a", &fits)]).expect("it fits exactly");
    let packed = fits.pack().expect("it packs well");
    assert_eq!(Bundle::unpack(&packed), Ok(fits));
}

#[test]
fn what_does_not_pack_well_is_refused() {
    // A hundred thousand letters that look like chance.
    let mut seed = 1_u64;
    let noise: String = (0..100_000)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b' ' + u8::try_from((seed >> 33) % 95).expect("it is below 95"))
        })
        .collect();
    let bundle = of(&[("a", &noise)]).expect("it is a bundle");
    assert!(matches!(bundle.pack(), Err(BundleError::PackedTooLarge(_))));
}

#[test]
fn damaged_bytes_are_refused_and_nothing_panics() {
    let bundle = starter();
    let (bytes, packed) = (bundle.encode(), bundle.pack().expect("it packs"));
    assert!(packed.len() < MAX_PACKED_BUNDLE / 4, "{}", packed.len());
    for end in 0..bytes.len() {
        assert!(Bundle::decode(&bytes[..end]).is_err(), "{end}");
    }
    for end in 0..packed.len() {
        assert!(Bundle::unpack(&packed[..end]).is_err(), "{end}");
    }
    for at in 0..packed.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut damaged = packed.clone();
            damaged[at] ^= flip;
            // The stream has no checksum: what comes out may be another bundle. Its digest tells.
            let other = Bundle::unpack(&damaged);
            assert!(other.is_err() || other.map(|other| other.digest()) != Ok([0; 32]));
        }
    }
    for extra in [&b"\0"[..], b"more"] {
        assert!(Bundle::decode(&[&bytes[..], extra].concat()).is_err());
        assert!(Bundle::unpack(&[&packed[..], extra].concat()).is_err());
    }
    let mut unsorted = b"\x01\x00\x02\x01b\x00\x00\x00\x00\x01a\x00\x00\x00\x00".to_vec();
    assert_eq!(
        Bundle::decode(&unsorted),
        Err(BundleError::Order("a".into()))
    );
    unsorted[9] = b'b';
    assert!(Bundle::decode(&unsorted).is_err());
    assert_eq!(Bundle::decode(b"\x02"), Err(BundleError::Version(2)));
}

#[test]
fn a_stream_that_would_fill_the_memory_is_refused() {
    // The header promises little, the stream holds all that a bundle may.
    let text = "x".repeat(MAX_BUNDLE - 9);
    let mut packed = of(&[("a", &text)])
        .expect("it fits")
        .pack()
        .expect("it packs");
    packed[1..5].copy_from_slice(&100_u32.to_be_bytes());
    assert!(matches!(
        Bundle::unpack(&packed),
        Err(BundleError::Stream { .. })
    ));
    packed[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(matches!(
        Bundle::unpack(&packed),
        Err(BundleError::TooLarge(_))
    ));
}

fn bundles() -> impl Strategy<Value = Bundle> {
    let files = prop::collection::btree_map("[a-z0-9_-][a-z0-9._-]{0,20}", ".{0,200}", 1..10);
    files.prop_map(|files| Bundle::new(files).expect("names are fine"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_bundle_survives_its_bytes(bundle in bundles()) {
        assert_eq!(Bundle::decode(&bundle.encode()).as_ref(), Ok(&bundle));
        let packed = bundle.pack().expect("it is small");
        assert_eq!(Bundle::unpack(&packed), Ok(bundle));
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(0_u8.., 0..300)) {
        drop(Bundle::decode(&bytes));
        drop(Bundle::unpack(&bytes));
        drop(Bundle::unpack(&[&[1, 0, 0, 1, 0][..], &bytes].concat()));
    }

    #[test]
    fn any_texts_are_compiled_without_panic(cedar in ".{0,200}", entities in ".{0,200}") {
        let bundle = with_entities(&cedar, &entities);
        assert!(Policy::compile(&bundle).is_err());
        assert!(!check(&bundle).problems.is_empty());
    }

    #[test]
    fn a_cut_starter_is_compiled_without_panic(cut in 0_usize..4_000, add in ".{0,5}") {
        let start = starter();
        let cedar = start.file("access.cedar").expect("it is there");
        let cut = cedar.floor_char_boundary(cut.min(cedar.len()));
        let (before, after) = cedar.split_at(cut);
        let entities = start.file("entities.json").expect("it is there");
        for text in [format!("{before}{add}{after}"), before.to_owned(), after.to_owned()] {
            drop(check(&with_entities(&text, entities)));
        }
        let (before, after) = entities.split_at(entities.floor_char_boundary(cut));
        drop(check(&with_entities(cedar, &format!("{before}{add}{after}"))));
    }
}

/// Conditions of which Cedar's stack has more, the more often a part of them is repeated.
fn long(times: usize) -> [String; 12] {
    let nested = |open: &str, close: &str| open.repeat(times) + "1" + &close.repeat(times);
    [
        nested("(", ")"),
        nested("[", "]"),
        nested("{a:", "}"),
        nested("if true then true else ", ""),
        nested("if ", " then 1 else 1"),
        "1+".repeat(times) + "1 > 0",
        "true&&".repeat(times) + "true",
        "true||".repeat(times) + "true",
        format!("context{}", ".a".repeat(times)),
        format!("context has a{}", ".a".repeat(times)),
        format!("context.affected{}", ".contains(\"\")".repeat(times)),
        "!-".repeat(times) + "1",
    ]
}

#[test]
fn deep_and_long_texts_do_not_end_the_stack() {
    for times in [24, 100, 250, 256, 2_000, 12_000] {
        for inner in long(times) {
            let cedar = permit_for("request", "a", "@approvals(\"\")", &inner);
            drop(check(&with_entities(&cedar, ENTITIES)));
            let unfinished = cedar.split_at(cedar.len() / 2).0;
            drop(check(&with_entities(unfinished, ENTITIES)));
        }
        let schema = format!(
            "type A = {}Long{};",
            "Set<".repeat(times),
            ">".repeat(times)
        );
        let files = [("access.cedar", APPROVE), ("own.cedarschema", &schema)];
        drop(check(&of(&files).expect("names are fine")));
    }
    for depth in [100, 120, 127, 100_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let attribute = ENTITIES.replace("\"high\"", &deep);
        for entities in [format!("[{deep}]"), attribute] {
            drop(check(&with_entities(APPROVE, &entities)));
        }
    }
}

#[test]
fn differences_are_told_by_name() {
    let old = with_entities(&(permit("one", "@approvals(\"\")") + APPROVE), ENTITIES);
    assert_eq!(diff_summary(&old, &old), [""; 0]);
    let cedar = permit("one", "@approvals(\"security:1\")") + &permit("two", "@approvals(\"\")");
    let entities = ENTITIES
        .replace("\"id\": \"cy\"", "\"id\": \"cyd\"")
        .replace("high", "low");
    let new = with_entities(&cedar, &entities);
    let expected = [
        "person cy removed",
        "person cyd added",
        "policy decide removed",
        "policy one changed",
        "policy two added",
        "resource db changed",
    ];
    assert_eq!(diff_summary(&old, &new), expected);
    let commented = format!("// why\n{}{APPROVE}", permit("one", "@approvals(\"\")"));
    let commented = with_entities(&commented, &ENTITIES.replace(' ', "  "));
    assert_eq!(
        diff_summary(&old, &commented),
        ["nothing but comments and white space"]
    );
    let more = of(&[("z.ics", "")]).expect("it is a bundle");
    let lines = diff_summary(&old, &more);
    assert!(lines.contains(&"file z.ics added".to_owned()), "{lines:?}");
    assert!(
        lines.contains(&"file access.cedar removed".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn a_summary_is_short() {
    let many: String = (0..100)
        .map(|n| permit(&format!("p{n:0>120}"), ""))
        .collect();
    let old = with_entities("", ENTITIES);
    let lines = diff_summary(&old, &with_entities(&many, ENTITIES));
    assert_eq!(lines.len(), 32);
    assert!(lines.iter().all(|line| line.len() <= 100));
    assert_eq!(lines[31], "and 69 more changes");
}
