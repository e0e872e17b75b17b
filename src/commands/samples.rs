//! One image under every condition, with a model's answers, for the HTML report.

use anyhow::Result;
use edgebench_corrupt::Severity;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::data::{Dataset, resize_pixels};
use crate::report::robust::html::{Picture, Samples};
use crate::robust::cell::{CellKey, Counts};
use crate::robust::condition::Condition;
use crate::robust::ledger::Store;
use crate::robust::run::{Measurement, Subject};
use crate::robust::source::Painter;

/// Pixels each way of the largest picture in a page.
const MOST: usize = 128;

/// Of the last model (the others are baselines more often), the first image that it knows while it is clean.
pub(super) fn samples(measurement: &Measurement<'_>, store: &Store) -> Result<Samples> {
    let Some(subject) = measurement.subjects.last() else { return Ok(Samples::default()) };
    let answers = Answers { measurement, store, subject };
    let knows = |&at: &usize| answers.of(Condition::Clean, at) == Some(subject.data.labels[at] as u16);
    let at = (0..subject.data.len()).find(knows).unwrap_or(0);
    let mut painter = measurement.source.painter(subject.data)?;
    let mut picture = |condition| answers.picture(&mut painter, condition, at);
    let severities: Vec<Severity> = measurement.grid.severities.clone();
    let clean = Some(picture(Condition::Clean)?);
    let mut rows = Vec::new();
    for &kind in &measurement.grid.kinds {
        let pictures = severities.iter().map(|&severity| picture(Condition::Corrupted(kind, severity)));
        rows.push((kind.name().to_owned(), pictures.collect::<Result<Vec<_>>>()?));
    }
    let model = store.models().get(&subject.key).map_or_else(String::new, |fact| fact.file.clone());
    let class = class_name(subject.data, subject.data.labels[at] as usize);
    Ok(Samples {
        data_sha256: measurement.data_sha256.into(),
        model,
        image: format!("Image {at} of {} ({class})", subject.data.name),
        severities: severities.iter().map(|severity| severity.level()).collect(),
        clean,
        rows,
    })
}

fn class_name(data: &Dataset, class: usize) -> String {
    data.class_names.as_ref().and_then(|names| names.get(class).cloned()).unwrap_or_else(|| format!("class {class}"))
}

struct Answers<'a> {
    measurement: &'a Measurement<'a>,
    store: &'a Store,
    subject: &'a Subject<'a>,
}

impl Answers<'_> {
    fn of(&self, condition: Condition, image: usize) -> Option<u16> {
        let (image, block) = (image as u64, self.measurement.grid.block);
        let first = image / block * block;
        let key = CellKey {
            data: self.measurement.data_sha256.into(),
            model: self.subject.key.clone(),
            condition,
            origin: self.measurement.source.origin(condition),
            first,
            end: (first + block).min(self.measurement.grid.images),
        };
        let counts: &Counts = self.store.get(&key)?;
        counts.answers.get((image - first) as usize).copied()
    }

    fn picture(&self, painter: &mut Painter<'_>, condition: Condition, image: usize) -> Result<Picture> {
        let data = self.subject.data;
        let mut pixels = vec![0; data.shape.iter().product()];
        painter.paint(condition, image, &mut pixels)?;
        let answer = self.of(condition, image);
        Ok(Picture {
            png: png(&pixels, &data.shape)?,
            answer: answer.map_or("not measured".into(), |class| class_name(data, usize::from(class))),
            right: answer.map(u32::from) == Some(data.labels[image]),
        })
    }
}

fn png(pixels: &[u8], shape: &[usize]) -> Result<Vec<u8>> {
    let (height, width, channels) = (shape[0], shape[1], shape[2]);
    let longest = height.max(width);
    let to = if longest > MOST {
        [height * MOST / longest, width * MOST / longest].map(|side| side.max(1))
    } else {
        [height, width]
    };
    let small;
    let pixels = if longest > MOST {
        small = resize_pixels(pixels, shape, to);
        &small[..]
    } else {
        pixels
    };
    let colour = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(pixels, to[1] as u32, to[0] as u32, colour)?;
    Ok(file)
}
