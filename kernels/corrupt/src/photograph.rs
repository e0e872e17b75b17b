//! Photographs of frost. They lie on the heap; without one there are none.

#[cfg(feature = "alloc")]
pub use here::Photograph;
#[cfg(not(feature = "alloc"))]
pub(crate) use none::Photograph;

#[cfg(feature = "alloc")]
mod here {
    use alloc::vec::Vec;

    use crate::{Constants, ImageView};

    /// CIFAR's photographs are taken at 0.2 of their size. OpenCV's bilinear rule then falls on every fifth pixel.
    const EVERY: usize = 5;

    /// A picture of frost, in the size at which it is laid over images.
    #[derive(Clone, Debug)]
    pub struct Photograph {
        rgb: Vec<[u8; 3]>,
        height: usize,
        width: usize,
    }

    impl Photograph {
        /// `image` as these constants use it: at a fifth of its size for CIFAR, whole for ImageNet. Grey becomes colour.
        #[must_use]
        pub fn new(image: ImageView<'_>, set: Constants) -> Self {
            let pixel = |p: &[u8]| if p.len() == 1 { [p[0]; 3] } else { [p[0], p[1], p[2]] };
            let places = |side: usize| -> Vec<usize> {
                match set {
                    Constants::Imagenet => (0..side).collect(),
                    Constants::Cifar => {
                        let less = libm::rint(side as f64 / EVERY as f64) as usize;
                        (0..less).map(|i| (i * EVERY + EVERY / 2).min(side - 1)).collect()
                    }
                }
            };
            let (rows, columns) = (places(image.height), places(image.width));
            let at =
                |y: usize, x: usize| pixel(&image.data[(y * image.width + x) * image.channels..][..image.channels]);
            let rgb = rows.iter().flat_map(|&y| columns.iter().map(move |&x| at(y, x))).collect();
            Self { rgb, height: rows.len(), width: columns.len() }
        }

        /// Rows and columns.
        pub(crate) fn size(&self) -> [usize; 2] {
            [self.height, self.width]
        }

        pub(crate) fn pixel(&self, y: usize, x: usize) -> [u8; 3] {
            self.rgb[y * self.width + x]
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod none {
    /// There is none.
    #[derive(Clone, Debug)]
    pub(crate) enum Photograph {}

    impl Photograph {
        pub(crate) fn size(&self) -> [usize; 2] {
            match *self {}
        }

        pub(crate) fn pixel(&self, _: usize, _: usize) -> [u8; 3] {
            match *self {}
        }
    }
}
