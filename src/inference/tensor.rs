//! From 8-bit RGB pixels to a net's input tensor.

use super::card::{Channels, Input, Layout};

/// Writes a picture of `width` by `height` pixels, three bytes each, into `tensor` as `input` wants it:
/// `(value - mean) * scale`, the channels and axes in its order.
///
/// `rgb` must have `width * height * 3` bytes, and `tensor` as many values as the card's channels times
/// the pixels; what is missing is not written.
pub fn pack(rgb: &[u8], width: usize, height: usize, input: &Input, tensor: &mut [f32]) {
    debug_assert_eq!(rgb.len(), width * height * 3);
    debug_assert_eq!(tensor.len(), width * height * input.channels.count());
    let pixels = rgb.as_chunks::<3>().0;
    let value = |v: u8| (f32::from(v) - input.mean) * input.scale;
    let order: [usize; 3] = if input.channels == Channels::Bgr { [2, 1, 0] } else { [0, 1, 2] };
    match (input.layout, input.channels) {
        (Layout::Nchw | Layout::Nhwc, Channels::Grey) => {
            tensor.iter_mut().zip(pixels).for_each(|(to, pixel)| *to = value(luma(*pixel)));
        }
        (Layout::Nchw, _) => planes(pixels, order, value, tensor),
        (Layout::Nhwc, _) => {
            for (to, pixel) in tensor.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                *to = order.map(|channel| value(pixel[channel]));
            }
        }
        (Layout::Nwhc, channels) => {
            // Rows are read in their order, which the processor likes better than columns.
            for (y, row) in pixels.chunks_exact(width.max(1)).enumerate() {
                if channels == Channels::Grey {
                    for (pixel, to) in row.iter().zip(tensor.iter_mut().skip(y).step_by(height)) {
                        *to = value(luma(*pixel));
                    }
                } else {
                    let columns = tensor.as_chunks_mut::<3>().0.iter_mut().skip(y).step_by(height);
                    for (pixel, to) in row.iter().zip(columns) {
                        *to = order.map(|channel| value(pixel[channel]));
                    }
                }
            }
        }
    }
}

/// A plane for each channel.
fn planes(pixels: &[[u8; 3]], order: [usize; 3], value: impl Fn(u8) -> f32, tensor: &mut [f32]) {
    let (first, rest) = tensor.split_at_mut(pixels.len().min(tensor.len()));
    let (second, third) = rest.split_at_mut(pixels.len().min(rest.len()));
    let targets = first.iter_mut().zip(second).zip(third);
    for (((first, second), third), pixel) in targets.zip(pixels) {
        *first = value(pixel[order[0]]);
        *second = value(pixel[order[1]]);
        *third = value(pixel[order[2]]);
    }
}

/// The luma of a pixel: ITU-R BT.601 weights, in 16-bit fixed point, rounded.
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471 + 32768) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns, three rows, every value different.
    const PICTURE: [u8; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

    fn packed(channels: Channels, layout: Layout, mean: f32, scale: f32) -> Vec<f32> {
        let input = Input { width: 2, height: 3, channels, layout, mean, scale, crop: None };
        let mut tensor = vec![99.0; 6 * channels.count()];
        pack(&PICTURE, 2, 3, &input, &mut tensor);
        tensor
    }

    #[test]
    fn planes_in_the_order_of_the_card() {
        let (red, green, blue) = ([1, 4, 7, 10, 13, 16], [2, 5, 8, 11, 14, 17], [3, 6, 9, 12, 15, 18]);
        let flat = |planes: [[u8; 6]; 3]| planes.into_iter().flatten().map(f32::from).collect::<Vec<_>>();
        assert_eq!(packed(Channels::Rgb, Layout::Nchw, 0.0, 1.0), flat([red, green, blue]));
        assert_eq!(packed(Channels::Bgr, Layout::Nchw, 0.0, 1.0), flat([blue, green, red]));
    }

    #[test]
    fn columns_first_with_the_channels_together() {
        // The left column from the top, then the right one.
        let columns = [[1u8, 2, 3], [7, 8, 9], [13, 14, 15], [4, 5, 6], [10, 11, 12], [16, 17, 18]];
        let rgb: Vec<f32> = columns.into_iter().flatten().map(f32::from).collect();
        let bgr: Vec<f32> = columns.into_iter().flat_map(|[r, g, b]| [b, g, r]).map(f32::from).collect();
        assert_eq!(packed(Channels::Rgb, Layout::Nwhc, 0.0, 1.0), rgb);
        assert_eq!(packed(Channels::Bgr, Layout::Nwhc, 0.0, 1.0), bgr);
        assert_eq!(packed(Channels::Grey, Layout::Nwhc, 0.0, 1.0), [2.0, 8.0, 14.0, 5.0, 11.0, 17.0]);
    }

    #[test]
    fn rows_first_with_the_channels_together() {
        let rgb: Vec<f32> = PICTURE.map(f32::from).into();
        let bgr: Vec<f32> = PICTURE
            .as_chunks::<3>()
            .0
            .iter()
            .flat_map(|[r, g, b]| [b, g, r])
            .map(|v| f32::from(*v))
            .collect();
        assert_eq!(packed(Channels::Rgb, Layout::Nhwc, 0.0, 1.0), rgb);
        assert_eq!(packed(Channels::Bgr, Layout::Nhwc, 0.0, 1.0), bgr);
        assert_eq!(packed(Channels::Grey, Layout::Nhwc, 0.0, 1.0), [2.0, 5.0, 8.0, 11.0, 14.0, 17.0]);
    }

    #[test]
    fn mean_and_scale_are_applied() {
        assert_eq!(packed(Channels::Grey, Layout::Nchw, 2.0, 0.5), [0.0, 1.5, 3.0, 4.5, 6.0, 7.5]);
    }

    #[test]
    fn luma_weighs_the_primaries() {
        assert_eq!([[255, 0, 0], [0, 255, 0], [0, 0, 255]].map(luma), [76, 150, 29]);
        assert_eq!([[0, 0, 0], [255, 255, 255]].map(luma), [0, 255]);
    }
}
