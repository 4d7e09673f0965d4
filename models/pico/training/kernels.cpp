// Fused pointwise kernels of pico's layers for one CPU thread with AVX-512 and bfloat16.
// PyTorch's own bfloat16 GELU, softmax and transposes cost more here than the matrix products.
// Rows are tokens; widths are multiples of 16. Activations are bfloat16, the residual stream and
// parameters float32. "sum" arguments are accumulated into.

#include <immintrin.h>
#include <torch/extension.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

using at::Tensor;

namespace {

constexpr int64_t kLanes = 16;

uint16_t* half_data(const Tensor& t) { return reinterpret_cast<uint16_t*>(t.data_ptr()); }
float* full_data(const Tensor& t) { return t.data_ptr<float>(); }

__m512 load_half(const uint16_t* p) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
}
void store_half(uint16_t* p, __m512 v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(v));
}
__m512 load_half(const uint16_t* p, __mmask16 mask) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p)), 16));
}
void store_half(uint16_t* p, __m512 v, __mmask16 mask) {
  _mm256_mask_storeu_epi16(p, mask, (__m256i)_mm512_cvtneps_pbh(v));
}

__m512 exponential(__m512 x) {
  x = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(88.f)), _mm512_set1_ps(-88.f));
  const __m512 scaled = _mm512_mul_ps(x, _mm512_set1_ps(1.44269504f));
  const __m512 whole = _mm512_roundscale_ps(scaled, 0);
  const __m512 rest = _mm512_sub_ps(scaled, whole);
  __m512 y = _mm512_set1_ps(0.00967641f);
  y = _mm512_fmadd_ps(y, rest, _mm512_set1_ps(0.05592204f));
  y = _mm512_fmadd_ps(y, rest, _mm512_set1_ps(0.24022651f));
  y = _mm512_fmadd_ps(y, rest, _mm512_set1_ps(0.69312859f));
  y = _mm512_fmadd_ps(y, rest, _mm512_set1_ps(1.f));
  return _mm512_scalef_ps(y, whole);
}

__m512 sigmoid(__m512 x) {
  // A 14-bit reciprocal is finer than the bfloat16 it is rounded to.
  return _mm512_rcp14_ps(_mm512_add_ps(_mm512_set1_ps(1.f), exponential(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

void add_to(float* p, __m512 v) { _mm512_storeu_ps(p, _mm512_add_ps(_mm512_loadu_ps(p), v)); }

// Layer or RMS normalisation of float rows to bfloat16; statistics are [rows, 2]: mean and 1 / deviation.
void norm_forward(const Tensor& x, const Tensor& weight, const c10::optional<Tensor>& bias, Tensor& out,
                  Tensor& statistics, double epsilon) {
  const int64_t rows = x.size(0), width = x.size(1);
  const float *w = full_data(weight), *b = bias ? full_data(*bias) : nullptr;
  for (int64_t row = 0; row < rows; ++row) {
    const float* in = full_data(x) + row * width;
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (int64_t i = 0; i < width; i += kLanes) {
      const __m512 v = _mm512_loadu_ps(in + i);
      sum = _mm512_add_ps(sum, v);
      squares = _mm512_fmadd_ps(v, v, squares);
    }
    const float mean = b ? _mm512_reduce_add_ps(sum) / width : 0.f;
    const float inverse = 1.f / std::sqrt(_mm512_reduce_add_ps(squares) / width - mean * mean + float(epsilon));
    full_data(statistics)[2 * row] = mean;
    full_data(statistics)[2 * row + 1] = inverse;
    for (int64_t i = 0; i < width; i += kLanes) {
      __m512 v = _mm512_sub_ps(_mm512_loadu_ps(in + i), _mm512_set1_ps(mean));
      v = _mm512_mul_ps(_mm512_mul_ps(v, _mm512_set1_ps(inverse)), _mm512_loadu_ps(w + i));
      if (b) v = _mm512_add_ps(v, _mm512_loadu_ps(b + i));
      store_half(half_data(out) + row * width + i, v);
    }
  }
}

// Adds the gradient through the normalisation to `gradient` (float rows, in place).
void norm_backward(const Tensor& from_above, const Tensor& x, const Tensor& statistics, const Tensor& weight,
                   Tensor& gradient, Tensor& weight_sum, const c10::optional<Tensor>& bias_sum) {
  const int64_t rows = x.size(0), width = x.size(1);
  const float* w = full_data(weight);
  for (int64_t row = 0; row < rows; ++row) {
    const float* in = full_data(x) + row * width;
    const uint16_t* above = half_data(from_above) + row * width;
    const __m512 mean = _mm512_set1_ps(full_data(statistics)[2 * row]);
    const __m512 inverse = _mm512_set1_ps(full_data(statistics)[2 * row + 1]);
    __m512 sum = _mm512_setzero_ps(), projected = _mm512_setzero_ps();
    for (int64_t i = 0; i < width; i += kLanes) {
      const __m512 g = load_half(above + i);
      const __m512 normal = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(in + i), mean), inverse);
      add_to(full_data(weight_sum) + i, _mm512_mul_ps(g, normal));
      if (bias_sum) add_to(full_data(*bias_sum) + i, g);
      const __m512 scaled = _mm512_mul_ps(g, _mm512_loadu_ps(w + i));
      sum = _mm512_add_ps(sum, scaled);
      projected = _mm512_fmadd_ps(scaled, normal, projected);
    }
    const __m512 centre = _mm512_set1_ps(bias_sum ? _mm512_reduce_add_ps(sum) / width : 0.f);
    const __m512 along = _mm512_set1_ps(_mm512_reduce_add_ps(projected) / width);
    for (int64_t i = 0; i < width; i += kLanes) {
      const __m512 scaled = _mm512_mul_ps(load_half(above + i), _mm512_loadu_ps(w + i));
      const __m512 normal = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(in + i), mean), inverse);
      const __m512 flat = _mm512_sub_ps(_mm512_sub_ps(scaled, centre), _mm512_mul_ps(normal, along));
      add_to(full_data(gradient) + row * width + i, _mm512_mul_ps(inverse, flat));
    }
  }
}

constexpr float kGelu1 = 1.5957691216f, kGelu3 = 0.0713548163f;

// x += bias in place; out = gelu_tanh(x).
void bias_gelu_forward(Tensor& x, const Tensor& bias, Tensor& out) {
  const int64_t rows = x.size(0), width = x.size(1);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < width; i += kLanes) {
      uint16_t* place = half_data(x) + row * width + i;
      const __m512 v = _mm512_add_ps(load_half(place), _mm512_loadu_ps(full_data(bias) + i));
      store_half(place, v);
      const __m512 inner = _mm512_fmadd_ps(_mm512_mul_ps(v, v), _mm512_set1_ps(kGelu3), _mm512_set1_ps(kGelu1));
      store_half(half_data(out) + row * width + i, _mm512_mul_ps(v, sigmoid(_mm512_mul_ps(v, inner))));
    }
  }
}

// gradient (through gelu) in place, and its column sums.
void gelu_backward(const Tensor& x, Tensor& gradient, Tensor& sum) {
  const int64_t rows = x.size(0), width = x.size(1);
  const __m512 one = _mm512_set1_ps(1.f);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < width; i += kLanes) {
      const __m512 v = load_half(half_data(x) + row * width + i), square = _mm512_mul_ps(v, v);
      const __m512 inner = _mm512_fmadd_ps(square, _mm512_set1_ps(kGelu3), _mm512_set1_ps(kGelu1));
      const __m512 slope = _mm512_fmadd_ps(square, _mm512_set1_ps(3 * kGelu3), _mm512_set1_ps(kGelu1));
      const __m512 gate = sigmoid(_mm512_mul_ps(v, inner));
      const __m512 bend = _mm512_mul_ps(_mm512_mul_ps(v, slope), _mm512_mul_ps(gate, _mm512_sub_ps(one, gate)));
      uint16_t* place = half_data(gradient) + row * width + i;
      const __m512 g = _mm512_mul_ps(load_half(place), _mm512_add_ps(gate, bend));
      store_half(place, g);
      add_to(full_data(sum) + i, g);
    }
  }
}

// out = silu(gate) * up, where each row of `both` is gate then up.
void swiglu_forward(const Tensor& both, Tensor& out) {
  const int64_t rows = both.size(0), width = both.size(1) / 2;
  for (int64_t row = 0; row < rows; ++row) {
    const uint16_t* in = half_data(both) + row * 2 * width;
    for (int64_t i = 0; i < width; i += kLanes) {
      const __m512 gate = load_half(in + i), up = load_half(in + width + i);
      store_half(half_data(out) + row * width + i, _mm512_mul_ps(_mm512_mul_ps(gate, sigmoid(gate)), up));
    }
  }
}

// Overwrites `both` with its gradient.
void swiglu_backward(const Tensor& from_above, Tensor& both) {
  const int64_t rows = both.size(0), width = both.size(1) / 2;
  const __m512 one = _mm512_set1_ps(1.f);
  for (int64_t row = 0; row < rows; ++row) {
    uint16_t* in = half_data(both) + row * 2 * width;
    for (int64_t i = 0; i < width; i += kLanes) {
      const __m512 gate = load_half(in + i), up = load_half(in + width + i);
      const __m512 g = load_half(half_data(from_above) + row * width + i), open = sigmoid(gate);
      const __m512 silu = _mm512_mul_ps(gate, open);
      const __m512 slope = _mm512_mul_ps(open, _mm512_fmadd_ps(gate, _mm512_sub_ps(one, open), one));
      store_half(in + i, _mm512_mul_ps(_mm512_mul_ps(g, up), slope));
      store_half(in + width + i, _mm512_mul_ps(g, silu));
    }
  }
}

// x += y (+ bias), float += bfloat16.
void add_residual(Tensor& x, const Tensor& y, const c10::optional<Tensor>& bias) {
  const int64_t rows = x.size(0), width = x.size(1);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < width; i += kLanes) {
      __m512 v = load_half(half_data(y) + row * width + i);
      if (bias) v = _mm512_add_ps(v, _mm512_loadu_ps(full_data(*bias) + i));
      add_to(full_data(x) + row * width + i, v);
    }
  }
}

// Rounds float rows to bfloat16 and adds their column sums.
void round_rows(const Tensor& x, Tensor& out, const c10::optional<Tensor>& sum) {
  const int64_t rows = x.size(0), width = x.size(1);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < width; i += kLanes) {
      const __m512 v = _mm512_loadu_ps(full_data(x) + row * width + i);
      store_half(half_data(out) + row * width + i, v);
      if (sum) add_to(full_data(*sum) + i, v);
    }
  }
}

// [rows, width] -> [width, rows], 32 x 32 at a time.
void transpose(const Tensor& x, Tensor& out) {
  const int64_t rows = x.size(0), width = x.size(1);
  const uint16_t* in = half_data(x);
  uint16_t* to = half_data(out);
  for (int64_t r = 0; r < rows; r += 32) {
    const int64_t height = std::min<int64_t>(32, rows - r);
    for (int64_t c = 0; c < width; c += 32) {
      const int64_t breadth = std::min<int64_t>(32, width - c);
      alignas(64) uint16_t tile[32][32];
      for (int64_t i = 0; i < height; ++i)
        for (int64_t j = 0; j < breadth; ++j) tile[j][i] = in[(r + i) * width + c + j];
      for (int64_t j = 0; j < breadth; ++j) std::memcpy(to + (c + j) * rows + r, tile[j], 2 * height);
    }
  }
}

// Softmax of bfloat16 rows in place after scaling; row r of each `length` rows sees columns <= r if causal.
void softmax_forward(Tensor& scores, double scale, bool causal, int64_t length) {
  const int64_t rows = scores.numel() / scores.size(-1), width = scores.size(-1);
  const __m512 factor = _mm512_set1_ps(float(scale));
  std::vector<float> buffer(width + kLanes);
  for (int64_t row = 0; row < rows; ++row) {
    uint16_t* in = half_data(scores) + row * width;
    const int64_t visible = causal ? row % length + 1 : width;
    __m512 top = _mm512_set1_ps(-1e30f);
    for (int64_t i = 0; i < visible; i += kLanes) {
      const __mmask16 mask = visible - i >= kLanes ? 0xFFFF : (1u << (visible - i)) - 1;
      const __m512 v = _mm512_mul_ps(load_half(in + i, mask), factor);
      _mm512_storeu_ps(buffer.data() + i, v);
      top = _mm512_mask_max_ps(top, mask, top, v);
    }
    const __m512 highest = _mm512_set1_ps(_mm512_reduce_max_ps(top));
    __m512 sum = _mm512_setzero_ps();
    for (int64_t i = 0; i < visible; i += kLanes) {
      const __mmask16 mask = visible - i >= kLanes ? 0xFFFF : (1u << (visible - i)) - 1;
      const __m512 v = exponential(_mm512_sub_ps(_mm512_loadu_ps(buffer.data() + i), highest));
      _mm512_storeu_ps(buffer.data() + i, v);
      sum = _mm512_mask_add_ps(sum, mask, sum, v);
    }
    const __m512 inverse = _mm512_set1_ps(1.f / _mm512_reduce_add_ps(sum));
    for (int64_t i = 0; i < width; i += kLanes) {
      const __mmask16 inside = width - i >= kLanes ? 0xFFFF : (1u << (width - i)) - 1;
      const __mmask16 mask = visible - i >= kLanes ? 0xFFFF : visible > i ? (1u << (visible - i)) - 1 : 0;
      const __m512 v = mask ? _mm512_mul_ps(_mm512_loadu_ps(buffer.data() + i), inverse) : _mm512_setzero_ps();
      store_half(in + i, _mm512_maskz_mov_ps(mask, v), inside);
    }
  }
}

// Turns the gradient of the weights into that of the unscaled scores, in place.
void softmax_backward(const Tensor& weights, Tensor& gradient, double scale) {
  const int64_t rows = weights.numel() / weights.size(-1), width = weights.size(-1);
  const __m512 factor = _mm512_set1_ps(float(scale));
  for (int64_t row = 0; row < rows; ++row) {
    const uint16_t* p = half_data(weights) + row * width;
    uint16_t* g = half_data(gradient) + row * width;
    __m512 sum = _mm512_setzero_ps();
    for (int64_t i = 0; i < width; i += kLanes) {
      const __mmask16 mask = width - i >= kLanes ? 0xFFFF : (1u << (width - i)) - 1;
      sum = _mm512_fmadd_ps(load_half(p + i, mask), load_half(g + i, mask), sum);
    }
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum));
    for (int64_t i = 0; i < width; i += kLanes) {
      const __mmask16 mask = width - i >= kLanes ? 0xFFFF : (1u << (width - i)) - 1;
      const __m512 v = _mm512_mul_ps(load_half(p + i, mask), _mm512_sub_ps(load_half(g + i, mask), mean));
      store_half(g + i, _mm512_mul_ps(v, factor), mask);
    }
  }
}

// Heads of rows [batch, length, heads * size] to [batch, heads, length, size], adding a bias and rotating the
// first `rotated` heads by [length, size / 2] cosines and sines (rotary embedding), where given.
void split_heads(const Tensor& rows, Tensor& heads, const c10::optional<Tensor>& bias,
                 const c10::optional<Tensor>& cosine, const c10::optional<Tensor>& sine, int64_t rotated) {
  const int64_t batch = heads.size(0), count = heads.size(1), length = heads.size(2), size = heads.size(3);
  const int64_t half = size / 2;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < length; ++t)
      for (int64_t h = 0; h < count; ++h) {
        const uint16_t* in = half_data(rows) + ((b * length + t) * count + h) * size;
        uint16_t* out = half_data(heads) + ((b * count + h) * length + t) * size;
        if (h < rotated) {
          for (int64_t i = 0; i < half; i += kLanes) {
            const __m512 first = load_half(in + i), second = load_half(in + half + i);
            const __m512 c = _mm512_loadu_ps(full_data(*cosine) + t * half + i);
            const __m512 s = _mm512_loadu_ps(full_data(*sine) + t * half + i);
            store_half(out + i, _mm512_fmsub_ps(first, c, _mm512_mul_ps(second, s)));
            store_half(out + half + i, _mm512_fmadd_ps(second, c, _mm512_mul_ps(first, s)));
          }
          continue;
        }
        for (int64_t i = 0; i < size; i += kLanes) {
          __m512 v = load_half(in + i);
          if (bias) v = _mm512_add_ps(v, _mm512_loadu_ps(full_data(*bias) + h * size + i));
          store_half(out + i, v);
        }
      }
}

// The inverse: [batch, heads, length, size] into rows, heads `first` onwards of `total`, with column sums; rotated
// heads are turned back.
void join_heads(const Tensor& heads, Tensor& rows, int64_t first, int64_t total, const c10::optional<Tensor>& sum,
                const c10::optional<Tensor>& cosine, const c10::optional<Tensor>& sine, bool rotated) {
  const int64_t batch = heads.size(0), count = heads.size(1), length = heads.size(2), size = heads.size(3);
  const int64_t half = size / 2;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < length; ++t)
      for (int64_t h = 0; h < count; ++h) {
        const uint16_t* in = half_data(heads) + ((b * count + h) * length + t) * size;
        uint16_t* out = half_data(rows) + ((b * length + t) * total + first + h) * size;
        if (rotated) {
          for (int64_t i = 0; i < half; i += kLanes) {
            const __m512 x = load_half(in + i), y = load_half(in + half + i);
            const __m512 c = _mm512_loadu_ps(full_data(*cosine) + t * half + i);
            const __m512 s = _mm512_loadu_ps(full_data(*sine) + t * half + i);
            store_half(out + i, _mm512_fmadd_ps(y, s, _mm512_mul_ps(x, c)));
            store_half(out + half + i, _mm512_fmsub_ps(y, c, _mm512_mul_ps(x, s)));
          }
          continue;
        }
        for (int64_t i = 0; i < size; i += kLanes) {
          const __m512 v = load_half(in + i);
          store_half(out + i, v);
          if (sum) add_to(full_data(*sum) + (first + h) * size + i, v);
        }
      }
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("norm_forward", &norm_forward);
  m.def("norm_backward", &norm_backward);
  m.def("bias_gelu_forward", &bias_gelu_forward);
  m.def("gelu_backward", &gelu_backward);
  m.def("swiglu_forward", &swiglu_forward);
  m.def("swiglu_backward", &swiglu_backward);
  m.def("add_residual", &add_residual);
  m.def("round_rows", &round_rows);
  m.def("transpose", &transpose);
  m.def("softmax_forward", &softmax_forward);
  m.def("softmax_backward", &softmax_backward);
  m.def("split_heads", &split_heads);
  m.def("join_heads", &join_heads);
}
