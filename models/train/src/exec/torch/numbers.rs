//! Numbers of a network on a device: many tensors in one, so that they travel together.

use tch::{Device, Kind, TchError, Tensor, no_grad};

use crate::Params;
use crate::net::TensorInfo;

/// Some tensors of a network, end to end.
#[derive(Debug)]
pub(super) struct Flat {
    /// Which.
    of: Vec<usize>,
    shapes: Vec<Vec<i64>>,
    /// How many tensors the network has.
    all: usize,
    host: Vec<f32>,
    device: Device,
    there: Tensor,
}

impl Flat {
    pub(super) fn new(tensors: &[TensorInfo], of: Vec<usize>, device: Device) -> Flat {
        let size = |size: &usize| i64::try_from(*size).unwrap_or(i64::MAX);
        let shapes = of.iter().map(|&at| tensors[at].shape.iter().map(size).collect()).collect();
        let host = vec![0.0; of.iter().map(|&at| tensors[at].elements()).sum()];
        let there = Tensor::zeros([size(&host.len())], (Kind::Float, device));
        Flat { of, shapes, all: tensors.len(), host, device, there }
    }

    /// Takes over what `params` hold.
    pub(super) fn upload(&mut self, params: &Params) -> Result<(), TchError> {
        let mut rest = &mut self.host[..];
        for &at in &self.of {
            let (to, next) = rest.split_at_mut(params.get(at).len());
            to.copy_from_slice(params.get(at));
            rest = next;
        }
        self.there = Tensor::f_from_slice(&self.host)?.f_to_device(self.device)?;
        Ok(())
    }

    /// The tensors, each at its number in the network; leaves of what is derived, if `leaves`.
    pub(super) fn parts(&self, leaves: bool) -> Result<Vec<Option<Tensor>>, TchError> {
        let mut parts: Vec<Option<Tensor>> = (0..self.all).map(|_| None).collect();
        let mut start = 0;
        for (&at, shape) in self.of.iter().zip(&self.shapes) {
            let len = shape.iter().product();
            let part = no_grad(|| self.there.f_narrow(0, start, len)?.f_reshape(shape.as_slice()))?;
            parts[at] = Some(if leaves { part.f_detach()?.f_set_requires_grad(true)? } else { part });
            start += len;
        }
        Ok(parts)
    }

    /// Gradients of leaves that [`Flat::parts`] gave, each at its number in the network.
    pub(super) fn gradients(&mut self, parts: &[Option<Tensor>], to: &mut [Vec<f32>]) -> Result<(), TchError> {
        let of = |&at: &usize| -> Result<Tensor, TchError> {
            let Some(part) = &parts[at] else { return Tensor::f_zeros([0], (Kind::Float, self.device)) };
            let gradient = part.f_grad()?;
            // A tensor that the loss does not depend on has none.
            if gradient.defined() { gradient.f_reshape([-1]) } else { part.f_zeros_like()?.f_reshape([-1]) }
        };
        let all: Vec<Tensor> = self.of.iter().map(of).collect::<Result<_, _>>()?;
        download(&no_grad(|| Tensor::f_cat(&all, 0))?, &mut self.host)?;
        self.spread(to);
        Ok(())
    }

    /// `params` take over what is on the device.
    pub(super) fn download(&mut self, params: &mut Params) -> Result<(), TchError> {
        if self.of.is_empty() {
            return Ok(());
        }
        download(&self.there, &mut self.host)?;
        self.spread(params.tensors_mut());
        Ok(())
    }

    fn spread(&self, to: &mut [Vec<f32>]) {
        let mut start = 0;
        for &at in &self.of {
            let end = start + to[at].len();
            to[at].copy_from_slice(&self.host[start..end]);
            start = end;
        }
    }
}

/// All values of a tensor.
pub(super) fn download(from: &Tensor, to: &mut [f32]) -> Result<(), TchError> {
    from.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?.f_copy_data(to, to.len())
}
