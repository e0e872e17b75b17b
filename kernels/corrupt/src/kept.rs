//! What is kept from image to image where there is a heap: tables and textures that take longer to make than to use.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ice::{self, USED};
use crate::poisson::Poissons;
use crate::room::{NoRoom, Room};

/// Tables and textures, each made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// By severity − 1.
    poissons: [Option<Box<Poissons>>; 5],
    textures: [Option<Vec<[u8; 3]>>; USED],
}

impl Kept {
    /// The distributions of shot noise, at this severity − 1.
    pub(crate) fn poissons(&mut self, severity: usize, white: f64) -> &mut Poissons {
        self.poissons[severity].get_or_insert_with(|| Box::new(Poissons::new(white)))
    }

    /// Texture `number` of frost.
    pub(crate) fn texture(&mut self, number: usize, room: Room<'_>) -> Result<&[[u8; 3]], NoRoom> {
        let slot = &mut self.textures[number];
        if slot.is_none() {
            let field = ice::Texture::new(number, room)?;
            *slot = Some(field.pixels().collect());
        }
        Ok(slot.as_deref().unwrap_or_default())
    }
}
