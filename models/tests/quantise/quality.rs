//! What the options are for: less loss on networks that need them.

use edgebench_models::build::{Builder, Kernel, Window};
use edgebench_models::graph::Activation;
use edgebench_models::quantise::{
    CalibrateOptions, LayerLoss, Method, QuantiseOptions, calibrate, correct_biases, equalise, fuse_activations,
    measure, quantise_traced,
};
use edgebench_models::tflite::Model;
use edgebench_models::{Graph, LowerOptions, Session, lower};

use super::nets::{all, number, samples};

const LEN: usize = 6 * 6 * 3;

fn numbers(stream: u32, len: usize, size: f32) -> Vec<f32> {
    (0..len).map(|at| size * number(stream, at)).collect()
}

/// A depthwise network whose channels differ by three orders of magnitude, as after training with batch normalisation.
fn uneven() -> Model {
    let mut b = Builder::new("uneven");
    let x = b.input("x", &[1, 6, 6, 3]).expect("an input");
    let window = Window { activation: Activation::Relu, ..Window::default() };
    let mut weights = numbers(1, 8 * 3, 0.5);
    let factor = |channel: usize| 10.0_f32.powi(channel as i32 % 4 - 2);
    weights.iter_mut().enumerate().for_each(|(at, w)| *w *= factor(at / 3));
    let bias: Vec<f32> = numbers(2, 8, 0.3).iter().enumerate().map(|(c, b)| b * factor(c)).collect();
    let x =
        b.conv_2d(x, &Kernel { shape: &[8, 1, 1, 3], values: &weights, bias: Some(&bias) }, window).expect("a layer");
    let values = numbers(3, 9 * 8, 0.5);
    let x =
        b.depthwise_conv_2d(x, &Kernel { shape: &[1, 3, 3, 8], values: &values, bias: None }, window).expect("a layer");
    let mut weights = numbers(4, 4 * 8, 0.5);
    weights.iter_mut().enumerate().for_each(|(at, w)| *w /= factor(at % 8));
    let kernel = Kernel { shape: &[4, 1, 1, 8], values: &weights, bias: None };
    let x = b.conv_2d(x, &kernel, Window::default()).expect("a layer");
    b.finish(&[("y", x)]).expect("a model")
}

fn run(model: &Model, input: &[f32]) -> Vec<f32> {
    let plan = lower(&Graph::from_model(model).expect("a graph"), &LowerOptions::default()).expect("a plan");
    let mut session = Session::new(plan.into()).expect("a session");
    session.set_input(0, &input.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).expect("an input");
    session.run();
    session.output(0).as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn losses(model: &Model, len: usize, method: Method) -> Vec<LayerLoss> {
    let options = CalibrateOptions { method, ..CalibrateOptions::default() };
    let ranges = calibrate(model, samples(len, 50), &options).expect("ranges");
    let quantised = quantise_traced(model, &ranges, &QuantiseOptions::default()).expect("a model");
    measure(model, &quantised, samples(len, 50), &LowerOptions::default()).expect("losses")
}

fn last_db(losses: &[LayerLoss]) -> f64 {
    losses.last().and_then(|loss| loss.output_db).expect("a figure")
}

#[test]
fn equalisation_keeps_the_function_and_saves_what_it_computes() {
    let model = uneven();
    let (equal, report) = equalise(&model).expect("equalised");
    assert_eq!(report.pairs, 2);
    for sample in samples(LEN, 5) {
        let (a, b) = (run(&model, &sample), run(&equal, &sample));
        let most = a.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-5 * most), "{a:?} {b:?}");
    }
    let (before, after) =
        (last_db(&losses(&model, LEN, Method::MinMax)), last_db(&losses(&equal, LEN, Method::MinMax)));
    assert!(after > before + 6.0, "{before} dB, {after} dB");
}

#[test]
fn corrected_biases_keep_the_mean_of_a_layer() {
    // One input channel far from zero, weights that all round the same way.
    let mut b = Builder::new("shifted");
    let x = b.input("x", &[1, 2, 2, 2]).expect("an input");
    let weights = [1.0, 0.4 / 127.0, 1.0, 10.4 / 127.0, -1.0, 3.49 / 127.0];
    let kernel = Kernel { shape: &[3, 1, 1, 2], values: &weights, bias: Some(&[0.1, -0.2, 0.0]) };
    let x = b.conv_2d(x, &kernel, Window::default()).expect("a layer");
    let model = b.finish(&[("y", x)]).expect("a model");
    let inputs: Vec<Vec<f32>> = samples(8, 40)
        .into_iter()
        .map(|s| s.iter().enumerate().map(|(i, v)| v + (i % 2) as f32 * 8.0).collect())
        .collect();
    let ranges = calibrate(&model, &inputs, &CalibrateOptions::default()).expect("ranges");
    let options = QuantiseOptions::default();
    let (corrected, report) = correct_biases(&model, &ranges, &options).expect("corrected");
    assert_eq!(report.layers, 1);
    let means = ranges.means(0).expect("means of the input");
    assert!((means[1] - 8.0).abs() < 0.2 && means[0].abs() < 0.2, "{means:?}");
    // What rounding adds: (0 − 0.4)/127, (10 − 10.4)/127, (3 − 3.49)/127, times the mean of the second channel.
    let bias = |model: &Model| {
        let tensor = model.subgraphs[0].operators[0].inputs[2] as usize;
        let buffer = &model.buffers[model.subgraphs[0].tensors[tensor].buffer as usize];
        buffer.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<f32>>()
    };
    for ((new, old), lost) in bias(&corrected).iter().zip(bias(&model)).zip([0.4, 0.4, 0.49]) {
        let expected = f64::from(old) + lost / 127.0 * means[1];
        assert!((f64::from(*new) - expected).abs() < 1e-4, "{new} {expected}");
    }
    let loss = |float: &Model| {
        let quantised = quantise_traced(float, &ranges, &options).expect("a model");
        last_db(&measure(&model, &quantised, &inputs, &LowerOptions::default()).expect("losses"))
    };
    assert!(loss(&corrected) > loss(&model), "{} dB, {} dB", loss(&model), loss(&corrected));
}

#[test]
fn outliers_cost_less_with_percentile_and_mse() {
    let (_, len, model) = all().remove(0);
    let mut inputs = samples(len, 50);
    inputs[7].iter_mut().for_each(|value| *value *= 40.0);
    let calibrated = |method| {
        let options = CalibrateOptions { method, ..CalibrateOptions::default() };
        calibrate(&model, &inputs, &options).expect("ranges")
    };
    let db = |method| {
        let quantised = quantise_traced(&model, &calibrated(method), &QuantiseOptions::default()).expect("a model");
        let usual = measure(&model, &quantised, samples(len, 7), &LowerOptions::default()).expect("losses");
        usual.iter().find(|loss| loss.op == "CONV_2D").and_then(|loss| loss.output_db).expect("a figure")
    };
    let minmax = db(Method::MinMax);
    assert!(db(Method::Percentile(0.97)) > minmax + 6.0);
    assert!(db(Method::Mse) > minmax - 0.1, "{} dB, {minmax} dB", db(Method::Mse));
    // No method leaves the range that was seen.
    let whole = calibrated(Method::MinMax);
    for method in [Method::Percentile(0.97), Method::Mse] {
        for (tensor, range) in calibrated(method).iter() {
            let seen = whole.get(tensor).expect("the same tensors");
            let (low, high) = (seen.min.min(0.0), seen.max.max(0.0));
            assert!(low <= range.min && range.min <= range.max && range.max <= high, "{tensor}: {range:?} in {seen:?}");
        }
    }
}

#[test]
fn fused_activations_change_no_number() {
    let mut b = Builder::new("unfused");
    let x = b.input("x", &[1, 6, 6, 3]).expect("an input");
    let weights = numbers(5, 3 * 27, 0.5);
    let kernel = Kernel { shape: &[3, 3, 3, 3], values: &weights, bias: None };
    let y = b.conv_2d(x, &kernel, Window::default()).expect("a layer");
    let y = b.relu6(y).expect("a value");
    let z = b.add(x, y, Activation::None).expect("a sum");
    let z = b.relu(z).expect("a value");
    // Read twice, so it stays what it is.
    let k = b.conv_2d(z, &kernel, Window::default()).expect("a layer");
    let l = b.relu(k).expect("a value");
    let m = b.add(k, l, Activation::None).expect("a sum");
    let model = b.finish(&[("m", m)]).expect("a model");
    let fused = fuse_activations(&model);
    let names =
        |model: &Model| model.subgraphs[0].operators.iter().map(|op| model.code_of(op).name()).collect::<Vec<_>>();
    assert_eq!(names(&fused), ["CONV_2D", "ADD", "CONV_2D", "RELU", "ADD"]);
    for sample in samples(LEN, 3) {
        assert_eq!(run(&model, &sample), run(&fused, &sample));
    }
    let losses = losses(&model, LEN, Method::MinMax);
    assert!(losses.iter().all(|loss| loss.output_db.is_none_or(|db| db > 25.0)), "{losses:#?}");
    // The results of what was fused away have no counterpart; their weights have.
    assert_eq!((losses[0].op, losses[0].output_db), ("CONV_2D", None));
    assert!(losses[0].weights_db.is_some_and(|db| db > 35.0));
}

#[test]
fn every_network_loses_little() {
    for (name, len, model) in all() {
        let losses = losses(&model, len, Method::MinMax);
        assert!(last_db(&losses) > 15.0, "{name}: {losses:#?}");
        assert!(losses.iter().filter_map(|loss| loss.weights_db).all(|db| db > 30.0), "{name}: {losses:#?}");
    }
}
