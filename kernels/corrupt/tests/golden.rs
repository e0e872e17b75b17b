//! The published rules, run by NumPy, SciPy, scikit-image, OpenCV and Pillow on one small picture with the random numbers of this
//! package (`scripts/check_corruptions.py --golden`).

use edgebench_corrupt::{Constants, Corruption, Corruptor, ImageView, Severity};

#[test]
fn the_published_rules_give_the_same_bytes() {
    let file = include_bytes!("golden.bin");
    let end = file.iter().position(|&b| b == b'\n').expect("a line of text first");
    let text = std::str::from_utf8(&file[..end]).expect("text");
    assert!(text.ends_with("seed 1 image 0; 14 18 3"), "{text}");
    let [height, width, channels] = [14, 18, 3];
    let (data, mut rest) = file[end + 1..].split_at(height * width * channels);
    let image = ImageView::new(data, height, width, channels).unwrap();
    let mut out = vec![0; data.len()];
    for set in Constants::ALL {
        let mut corruptor = Corruptor::new(set, 1);
        // Frost needs photographs, and is tested with the other facts.
        for kind in Corruption::ALL.into_iter().filter(|&kind| kind != Corruption::Frost) {
            for severity in Severity::ALL {
                let (want, after) = rest.split_at(data.len());
                rest = after;
                corruptor.apply(kind, severity, image, 0, &mut out).unwrap();
                let apart = |limit: u8| out.iter().zip(want).filter(|&(a, b)| a.abs_diff(*b) > limit).count();
                assert_eq!(apart(1), 0, "{set} {kind} {severity}: more than 1 apart");
                assert!(apart(0) <= data.len() / 200, "{set} {kind} {severity}: {} values differ", apart(0));
            }
        }
    }
    assert!(rest.is_empty());
}
