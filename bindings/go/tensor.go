// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"fmt"
	"unsafe"
)

// Element is a Go type that a dtype holds.
type Element interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | bool
}

// DTypeOf gives the dtype that holds a Go type.
func DTypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return UInt8
	}
	return Bool
}

func bytesOf[T Element](data []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))),
		len(data)*int(unsafe.Sizeof(zero)))
}

// FromSlice gives a tensor that holds a copy of row-major elements. Without a shape it has one
// dimension.
func FromSlice[T Element](ctx context.Context, data []T, requiresGrad bool, shape ...int64) (*Tensor, error) {
	if len(shape) == 0 {
		shape = []int64{int64(len(data))}
	}
	if data == nil {
		data = []T{}
	}
	wanted := int64(1)
	for _, size := range shape {
		wanted *= size
	}
	if wanted != int64(len(data)) {
		return nil, &Error{ErrorShape, fmt.Sprintf(
			"FromSlice: %d elements are no %v; give as many as the shape has", len(data), shape)}
	}
	return TensorCreate(ctx, bytesOf(data), DTypeOf[T](), shape, requiresGrad)
}

// ToSlice copies the elements out, row by row. T has to be the tensor's dtype.
func ToSlice[T Element](ctx context.Context, x *Tensor) ([]T, error) {
	dtype, err := x.DType(ctx)
	if err != nil {
		return nil, err
	}
	if want := DTypeOf[T](); dtype != want {
		return nil, &Error{ErrorDType, fmt.Sprintf(
			"ToSlice: the tensor's dtype is %d, the slice's %d; convert it by ToDType", dtype, want)}
	}
	count, err := x.Numel(ctx)
	if err != nil {
		return nil, err
	}
	data := make([]T, count)
	return data, x.CopyOut(ctx, bytesOf(data))
}

// String prints as PyTorch does, and the error where there is one.
func (x *Tensor) String() string {
	text, err := x.Format(context.Background())
	if err != nil {
		return err.Error()
	}
	return text
}
