//! The same networks on libtorch, for GPUs: layers, gradients and running statistics as the engine of this crate has them, computed by
//! libtorch's autograd. Optimisers, schedules, masks and centroids stay where they are; only layers move.

mod forward;
mod numbers;

use edgebench_train_kernels::Kernels;
use rayon::ThreadPool;
use rayon::prelude::*;
use tch::{Cuda, Device, Kind, Reduction, TchError, Tensor, no_grad};

use super::{Batch, Outcome};
use crate::net::{Op, Role};
use crate::{Error, Net, Params, quant};
use forward::{Forward, Mode};
use numbers::{Flat, download};

/// A network on a device of libtorch.
#[derive(Debug)]
pub struct TorchEngine {
    net: Net,
    device: Device,
    pool: ThreadPool,
    kernels: Kernels,
    /// What gradients move.
    trained: Flat,
    /// Running means and variances.
    running: Flat,
    gradients: Vec<Vec<f32>>,
    /// The images of a batch, as they go to the device.
    images: Vec<f32>,
}

/// Images that are answered together.
const ROUND: usize = 256;

fn torch(error: TchError) -> Error {
    Error::Torch { problem: error.to_string().lines().next().unwrap_or_default().to_owned() }
}

impl TorchEngine {
    /// An engine for `net` on CUDA device number `cuda`, or on libtorch's CPU.
    ///
    /// # Errors
    /// [`Error::Torch`] if there is no such device, [`Error::Threads`] if threads cannot be started.
    pub fn new(net: &Net, threads: usize, cuda: Option<usize>, kernels: Kernels) -> Result<TorchEngine, Error> {
        let device = match cuda {
            None => Device::Cpu,
            Some(number) => {
                let there = if Cuda::is_available() { Cuda::device_count() } else { 0 };
                if i64::try_from(number).is_ok_and(|number| number >= there) {
                    let problem = format!("there is no CUDA device {number}: libtorch sees {there}");
                    return Err(Error::Torch { problem });
                }
                Device::Cuda(number)
            }
        };
        tch::set_num_threads(i32::try_from(threads).unwrap_or(1));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build().map_err(Error::Threads)?;
        let with = |wanted: fn(Role) -> bool| {
            let tensors = net.tensors();
            Flat::new(tensors, (0..tensors.len()).filter(|&at| wanted(tensors[at].role)).collect(), device)
        };
        let trained = with(Role::is_trained);
        let running = with(|role| matches!(role, Role::Mean | Role::Variance));
        let gradients =
            net.tensors().iter().map(|tensor| vec![0.0; if tensor.role.is_trained() { tensor.elements() } else { 0 }]);
        Ok(TorchEngine {
            gradients: gradients.collect(),
            net: net.clone(),
            device,
            pool,
            kernels,
            trained,
            running,
            images: Vec::new(),
        })
    }

    /// The pool of what runs here.
    #[must_use]
    pub fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// The kernels of what runs here.
    #[must_use]
    pub fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// As [`Engine::gradients`](super::Engine::gradients).
    #[must_use]
    pub fn gradients(&self) -> &[Vec<f32>] {
        &self.gradients
    }

    /// As [`Engine::load`](super::Engine::load).
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn load(&mut self, params: &Params) -> Result<(), Error> {
        self.trained.upload(params).map_err(torch)
    }

    /// As [`Engine::step`](super::Engine::step).
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn step(&mut self, params: &mut Params, batch: &Batch<'_>) -> Result<Outcome, Error> {
        let images = batch.labels.len();
        let input = self.take(images, batch.fill);
        input.and_then(|input| self.learn(params, input, batch)).map_err(torch)
    }

    fn learn(&mut self, params: &mut Params, input: Tensor, batch: &Batch<'_>) -> Result<Outcome, TchError> {
        let images = batch.labels.len();
        self.running.upload(params)?;
        let weights = self.trained.parts(true)?;
        let running = self.running.parts(false)?;
        let mode = Mode::Training { key: batch.key };
        let forward =
            Forward { net: &self.net, params, weights: &weights, running: &running, device: self.device, mode };
        let (logits, ranges) = forward.run(input)?;
        let labels: Vec<i64> = batch.labels.iter().map(|label| i64::from(*label)).collect();
        let labels = Tensor::f_from_slice(&labels)?.f_to_device(self.device)?;
        let loss =
            logits.f_cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, batch.label_smoothing)?;
        loss.f_backward()?;
        let correct = no_grad(|| logits.f_argmax(1, false)?.f_eq_tensor(&labels)?.f_sum(Kind::Int64))?;
        self.trained.gradients(&weights, &mut self.gradients)?;
        self.running.download(params)?;
        if !ranges.is_empty() {
            let (of, values): (Vec<usize>, Vec<Tensor>) = ranges.into_iter().unzip();
            let mut found = vec![0.0f32; 2 * of.len()];
            download(&Tensor::f_cat(&values, 0)?, &mut found)?;
            for (range, seen) in of.into_iter().zip(found.chunks_exact(2)) {
                quant::follow(&mut params.tensors_mut()[range], (seen[0], seen[1]));
            }
        }
        let loss = loss.f_double_value(&[])? * images as f64;
        let correct = usize::try_from(correct.f_int64_value(&[])?).unwrap_or(0);
        Ok(Outcome { loss, correct })
    }

    /// As [`Engine::infer`](super::Engine::infer).
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn infer(
        &mut self,
        params: &Params,
        images: usize,
        fill: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Result<Vec<f32>, Error> {
        let classes = self.net.classes();
        let mut logits = vec![0.0; images * classes];
        for (round, logits) in logits.chunks_mut(ROUND * classes).enumerate() {
            self.answer(params, logits, &|image, x| fill(round * ROUND + image, x)).map_err(torch)?;
        }
        Ok(logits)
    }

    fn answer(
        &mut self,
        params: &Params,
        logits: &mut [f32],
        fill: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Result<(), TchError> {
        let input = self.take(logits.len() / self.net.classes(), fill)?;
        self.running.upload(params)?;
        let (weights, running) = (self.trained.parts(false)?, self.running.parts(false)?);
        let forward = Forward {
            net: &self.net,
            params,
            weights: &weights,
            running: &running,
            device: self.device,
            mode: Mode::Answering,
        };
        let (found, _) = no_grad(|| forward.run(input))?;
        download(&found, logits)
    }

    /// A batch on the device, `[N, C, H, W]` with channels last in memory.
    fn take(&mut self, images: usize, fill: &(dyn Fn(usize, &mut [f32]) + Sync)) -> Result<Tensor, TchError> {
        let shape = self.net.input();
        self.images.resize(images * shape.len(), 0.0);
        let one = |(image, x): (usize, &mut [f32])| fill(image, x);
        self.pool.install(|| self.images.par_chunks_exact_mut(shape.len()).enumerate().for_each(one));
        let sizes = [images, shape.h, shape.w, shape.c].map(|size| i64::try_from(size).unwrap_or(i64::MAX));
        let input = Tensor::f_from_slice(&self.images)?.f_to_device(self.device)?.f_reshape(sizes)?;
        input.f_permute([0, 3, 1, 2])
    }
}
