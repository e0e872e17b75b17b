//! `edgebench train` and `edgebench compress` as types.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};
use edgebench_models::quantise::Io;
use edgebench_train::exec::{Executor, Workers};
use edgebench_train::recipe::{OptimizerName, ScheduleName, Training};
use edgebench_train::weights::Layout;

use crate::data::preprocess::Preprocess;

/// `edgebench train`.
#[derive(Debug, Args)]
#[command(after_help = "\
Writes NAME.tflite (float32), NAME.toml (what pixels mean, for the other commands), NAME.safetensors (weights, for --weights), \
NAME.history.json and .svg, and NAME.training.safetensors: where the training is. A training that is killed goes on from its last epoch when the same command runs again. \
The same seed gives the same file, whatever the number of threads.

The last tenth of the training images chooses the best epoch and is not trained on; the test images choose nothing.

Examples:
  edgebench train digits                                           # the embedded digits, half a minute
  edgebench train resnet8 --data cifar-10-batches-bin --epochs 60
  edgebench train mobilenetv2_035 --data photos/ --optimizer adamw --rate 1e-3 -o mine.tflite
  edgebench train resnet50 --weights imagenet.safetensors --layout torch --except logits --data photos/ --rate 1e-3
  edgebench train --list")]
pub struct TrainArgs {
    /// The architecture (--list shows all)
    #[arg(value_name = "ARCH", required_unless_present_any = ["list", "benchmark"])]
    pub arch: Option<String>,
    /// Labelled images: `digits` (embedded), a CIFAR or IDX directory, a folder of images by class, .npy or .npz
    #[arg(long, value_name = "PATH", default_value = "digits", value_hint = ValueHint::AnyPath)]
    pub data: PathBuf,
    /// Where the model goes [default: ARCH.tflite]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub images: ImageArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub training: TrainingArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub running: RunningArgs,
    /// Weights to begin with (.safetensors or .npz, names as in docs/training-names.md) [default: random]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub weights: Option<PathBuf>,
    /// How kernels lie in --weights, where the file does not say it
    #[arg(long, value_name = "LAYOUT", requires = "weights", value_parser = layout_parser())]
    pub layout: Option<Layout>,
    /// Layers of --weights that begin at random all the same: `logits` for another number of classes
    #[arg(long, value_name = "LAYER", requires = "weights")]
    pub except: Vec<String>,
    /// List the architectures
    #[arg(long)]
    pub list: bool,
    /// Time steps of this architecture on made-up images of 32×32 pixels instead of training
    #[arg(long, value_name = "ARCH", conflicts_with_all = ["arch", "list"])]
    pub benchmark: Option<String>,
    /// Steps of --benchmark
    #[arg(long, value_name = "N", default_value = "20", requires = "benchmark", value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// With --benchmark: with simulated quantisation
    #[arg(long, requires = "benchmark")]
    pub qat: bool,
}

/// Which images, and what they mean.
#[derive(Clone, Debug, Args)]
pub struct ImageArgs {
    /// At most this many training images
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Height and width that images are brought to, where they differ
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub size: Option<[usize; 2]>,
    /// What a pixel means to the network [default: signed; for a model file, what its side file says]
    #[arg(long, value_name = "KIND", value_parser = super::preprocess_parser())]
    pub preprocess: Option<Preprocess>,
    /// Images at the end of the training part that only choose the best epoch [default: a tenth]
    #[arg(long, value_name = "N")]
    pub validation: Option<u64>,
}

/// How a training runs.
#[derive(Clone, Copy, Debug, Args)]
pub struct RunningArgs {
    /// Names all random numbers
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Threads; do not change the result [default: the CPUs of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// What computes: cpu, torch, torch:cuda or torch:cuda:N (built with `--features torch`)
    #[arg(long, value_name = "NAME", default_value = "cpu", value_parser = executor_parser())]
    pub executor: Executor,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

impl RunningArgs {
    /// All CPUs of this machine, if nothing else is said.
    pub fn workers(&self) -> Workers {
        workers(self.threads, self.executor)
    }
}

/// So many threads, or one for each CPU of this machine.
pub fn workers(threads: Option<u16>, executor: Executor) -> Workers {
    Workers { threads: threads.map_or_else(crate::machine::cpus, usize::from), executor }
}

/// Names of executors that this build has.
pub fn executor_parser() -> impl TypedValueParser<Value = Executor> {
    clap::builder::StringValueParser::new().try_map(|name| {
        let executor: Executor = name.parse()?;
        executor.check().map(|()| executor)
    })
}

/// What a training is like; what is not said is for the command to say.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Training")]
pub struct TrainingArgs {
    /// Passes over the images
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Images of a step
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,
    /// Optimiser
    #[arg(long, value_name = "NAME", value_parser = optimizer_parser())]
    pub optimizer: Option<OptimizerName>,
    /// Highest learning rate
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub rate: Option<f64>,
    /// What becomes of the rate
    #[arg(long, value_name = "NAME", value_parser = schedule_parser())]
    pub schedule: Option<ScheduleName>,
    /// Epochs in which the rate grows from 0
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true)]
    pub warmup: Option<f64>,
    /// Decay of kernels
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,
    /// Largest norm of the gradients; 0: none
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    pub clip: Option<f64>,
    /// Share of a label given to all classes
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub label_smoothing: Option<f64>,
    /// Epochs without gain after which training ends; 0: never
    #[arg(long, value_name = "EPOCHS")]
    pub patience: Option<usize>,
    /// Keep the last epoch, not the best
    #[arg(long)]
    pub keep_last: bool,
    /// Mirror every second image: true or false
    #[arg(long, value_name = "BOOL")]
    pub flip: Option<bool>,
    /// Move images by up to so many pixels
    #[arg(long, value_name = "PIXELS")]
    pub crop: Option<usize>,
    /// Cover a square of this side
    #[arg(long, value_name = "PIXELS")]
    pub cutout: Option<usize>,
    /// Mix images with changed copies of themselves (AugMix), for robustness: true or false
    #[arg(long, value_name = "BOOL")]
    pub augmix: Option<bool>,
}

impl TrainingArgs {
    /// What was said.
    ///
    /// # Errors
    /// A number that makes no sense, in words.
    pub fn training(&self) -> Result<Training, String> {
        let said = Training {
            epochs: self.epochs,
            batch: self.batch,
            optimizer: self.optimizer,
            rate: self.rate,
            schedule: self.schedule,
            warmup: self.warmup,
            weight_decay: self.weight_decay,
            clip: self.clip,
            label_smoothing: self.label_smoothing,
            patience: self.patience,
            keep_best: self.keep_last.then_some(false),
            flip: self.flip,
            crop: self.crop,
            cutout: self.cutout,
            augmix: self.augmix,
        };
        said.check().map(|()| said)
    }
}

/// `edgebench compress`.
#[derive(Debug, Args)]
#[command(after_help = "\
Recipes 1 to 16 are those of the study (--list shows them); 0 is the control: the network trained on and nothing else. \
A recipe of your own is a TOML file (--show prints one to begin with). Stages are kept in --work: recipes that begin with the same stages \
share them, and a command that is killed goes on from its last epoch.

After every stage its promise is checked (zeros stay zeros, no more values than clusters, sane scales); a broken one ends the command with \
the layer's name.

Examples:
  edgebench compress resnet8.tflite --recipe 16 --data cifar-10-batches-bin -o resnet8_16.tflite
  edgebench compress my_float.tflite --recipe all --data photos/ --preprocess unit -o compressed/
  edgebench compress net.tflite --recipe mine.toml --epochs 3 -o net_mine.tflite
  edgebench compress --show 16 > mine.toml
  edgebench compress net.tflite --data photos/ --emulate-paper     # why technique 10 of the study collapsed")]
pub struct CompressArgs {
    /// A float32 .tflite
    #[arg(value_name = "MODEL", required_unless_present_any = ["list", "show"], value_hint = ValueHint::FilePath)]
    pub model: Option<PathBuf>,
    /// Number, name, `all`, or a TOML file; may be repeated
    #[arg(long, value_name = "RECIPE", default_value = "16")]
    pub recipe: Vec<String>,
    /// Labelled images, as for train
    #[arg(long, value_name = "PATH", default_value = "digits", value_hint = ValueHint::AnyPath)]
    pub data: PathBuf,
    /// The file, or for several recipes the folder [default: MODEL_RECIPE.tflite]
    #[arg(long, short, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub output: Option<PathBuf>,
    /// Where stages are kept [default: MODEL.stages beside the output]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub work: Option<PathBuf>,
    /// What the user of an int8 model gives and gets
    #[arg(long, value_name = "TYPE", default_value = "int8", value_parser = io_parser())]
    pub io: Io,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub images: ImageArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub training: TrainingArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub running: RunningArgs,
    /// Repeat the study's technique 10 with its defects, and show which of them costs what
    #[arg(long, conflicts_with = "recipe")]
    pub emulate_paper: bool,
    /// List the built-in recipes
    #[arg(long)]
    pub list: bool,
    /// Print a built-in recipe
    #[arg(long, value_name = "RECIPE")]
    pub show: Option<String>,
}

fn layout_parser() -> impl TypedValueParser<Value = Layout> {
    PossibleValuesParser::new(["tflite", "torch", "keras"]).try_map(|name| name.parse::<Layout>())
}

fn optimizer_parser() -> impl TypedValueParser<Value = OptimizerName> {
    PossibleValuesParser::new(OptimizerName::ALL.map(OptimizerName::name)).map(|name| {
        let found = OptimizerName::ALL.into_iter().find(|known| known.name() == name);
        found.unwrap_or(OptimizerName::Sgd)
    })
}

fn schedule_parser() -> impl TypedValueParser<Value = ScheduleName> {
    PossibleValuesParser::new(ScheduleName::ALL.map(ScheduleName::name)).map(|name| {
        let found = ScheduleName::ALL.into_iter().find(|known| known.name() == name);
        found.unwrap_or(ScheduleName::Cosine)
    })
}

fn io_parser() -> impl TypedValueParser<Value = Io> {
    PossibleValuesParser::new(Io::ALL.map(Io::name))
        .map(|name| Io::ALL.into_iter().find(|known| known.name() == name).unwrap_or_default())
}

/// `32x32`.
fn size(text: &str) -> Result<[usize; 2], String> {
    let pair = text.split_once('x').and_then(|(h, w)| Some([h.parse().ok()?, w.parse().ok()?]));
    pair.filter(|pair| pair.iter().all(|side| (1..=4096).contains(side)))
        .ok_or("expected height x width, as 32x32".into())
}
