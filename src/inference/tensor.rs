//! From 8-bit RGB pixels to a net's input tensor.

use super::card::{Channels, Input, Layout};

/// Writes a picture of `width` by `height` pixels, three bytes each, over `tensor` as `input` wants
/// it: `(value - mean) * scale`, the channels and axes in its order. Appends nothing and keeps
/// nothing of what `tensor` held, but its memory.
///
/// `rgb` must have `width * height * 3` bytes; missing ones are not written.
pub fn pack(rgb: &[u8], width: usize, height: usize, input: &Input, tensor: &mut Vec<f32>) {
    tensor.clear();
    append(rgb, width, height, input, tensor);
}

/// As [`pack`], after what `tensor` holds: the next picture of a batch.
pub fn append(rgb: &[u8], width: usize, height: usize, input: &Input, tensor: &mut Vec<f32>) {
    debug_assert_eq!(rgb.len(), width * height * 3);
    let pixels = rgb.as_chunks::<3>().0;
    let value = |v: u8| (f32::from(v) - input.mean) * input.scale;
    let order: &[usize] = match input.channels {
        Channels::Rgb => &[0, 1, 2],
        Channels::Bgr => &[2, 1, 0],
        Channels::Grey => &[],
    };
    tensor.reserve(width * height * input.channels.count());
    match (input.layout, input.channels) {
        (Layout::Nchw, Channels::Grey) => tensor.extend(pixels.iter().map(|p| value(luma(*p)))),
        (Layout::Nchw, _) => {
            for &channel in order {
                tensor.extend(pixels.iter().map(|p| value(p[channel])));
            }
        }
        (Layout::Nhwc, Channels::Grey) => tensor.extend(pixels.iter().map(|p| value(luma(*p)))),
        (Layout::Nhwc, _) => {
            for pixel in pixels {
                tensor.extend(order.iter().map(|&channel| value(pixel[channel])));
            }
        }
        (Layout::Nwhc, channels) => {
            for x in 0..width {
                for pixel in pixels.iter().skip(x).step_by(width) {
                    if channels == Channels::Grey {
                        tensor.push(value(luma(*pixel)));
                    } else {
                        tensor.extend(order.iter().map(|&channel| value(pixel[channel])));
                    }
                }
            }
        }
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
        let mut tensor = vec![99.0; 4];
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
