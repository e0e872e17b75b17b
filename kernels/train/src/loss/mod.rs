//! Softmax and cross entropy, in `f64`.

/// The loss of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    /// Logits of an image.
    pub classes: usize,
    /// What is taken from the right class and given to all in equal parts: 0 to 1.
    pub label_smoothing: f64,
    /// Factor of the gradient: usually 1 / images of the batch.
    pub scale: f64,
}

/// Sums over images.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossSums {
    /// Cross entropy, not scaled.
    pub loss: f64,
    /// Images whose largest logit (the first of them) is that of the label.
    pub correct: usize,
}

/// Cross entropy of `[n, classes]` logits against `labels`, and the gradient of `scale ·` its sum.
///
/// # Panics
/// If lengths do not fit each other or a label is not below `classes`.
pub fn softmax_cross_entropy(rule: &CrossEntropy, logits: &[f32], labels: &[u32], dlogits: &mut [f32]) -> LossSums {
    let c = rule.classes;
    assert!(c > 0 && logits.len() == labels.len() * c && dlogits.len() == logits.len(), "logits for each label");
    let share = rule.label_smoothing / c as f64;
    let mut sums = LossSums::default();
    let mut exps = vec![0.0; c];
    for ((logits, dlogits), label) in logits.chunks_exact(c).zip(dlogits.chunks_exact_mut(c)).zip(labels) {
        let label = *label as usize;
        assert!(label < c, "label {label} of {c} classes");
        let best = (0..c).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
        let max = f64::from(logits[best]);
        for (e, logit) in exps.iter_mut().zip(logits) {
            *e = libm::exp(f64::from(*logit) - max);
        }
        let total: f64 = exps.iter().sum();
        let log_total = libm::log(total);
        // −Σ target · log p, where log p = logit − max − log Σ exp.
        let log_p = |i: usize| f64::from(logits[i]) - max - log_total;
        let mut loss = -(1.0 - rule.label_smoothing) * log_p(label);
        if share > 0.0 {
            loss -= share * (0..c).map(log_p).sum::<f64>();
        }
        for (i, (d, e)) in dlogits.iter_mut().zip(&exps).enumerate() {
            let target = share + if i == label { 1.0 - rule.label_smoothing } else { 0.0 };
            *d = ((e / total - target) * rule.scale) as f32;
        }
        sums.loss += loss;
        sums.correct += usize::from(best == label);
    }
    sums
}
