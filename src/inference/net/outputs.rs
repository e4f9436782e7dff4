//! Reading what a net put out.

use ort::session::SessionOutputs;

use super::super::card::Tensor;
use super::bound::Bound;

/// What a net put out.
pub struct Outputs<'a> {
    pub(super) values: Values<'a>,
    pub(super) tensors: &'a [Tensor],
}

/// Where they lie.
pub(super) enum Values<'a> {
    Bound(&'a Bound),
    Made(SessionOutputs<'a>),
}

impl Outputs<'_> {
    /// The values of output `index` in the card's order; there must be `length` of them.
    ///
    /// # Errors
    /// What is wrong with the output.
    pub fn values(&self, index: usize, length: usize) -> Result<&[f32], String> {
        let (_, values) = self.tensor(index)?;
        if values.len() == length {
            Ok(values)
        } else {
            Err(format!("output {index} has {} values where {length} were expected", values.len()))
        }
    }

    /// The dimensions and values of output `index` in the card's order.
    ///
    /// # Errors
    /// What is wrong with the output.
    pub fn tensor(&self, index: usize) -> Result<(&[i64], &[f32]), String> {
        let missing = || format!("there is no output {index}");
        match &self.values {
            Values::Bound(bound) => bound.output(index).ok_or_else(missing),
            Values::Made(values) => {
                let name = self.tensors.get(index).map(|tensor| tensor.name.as_str());
                let value = name.and_then(|name| values.get(name)).ok_or_else(missing)?;
                let (shape, values) =
                    value.try_extract_tensor::<f32>().map_err(|error| error.message().to_owned())?;
                Ok((&**shape, values))
            }
        }
    }
}
