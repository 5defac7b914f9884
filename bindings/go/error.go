// SPDX-License-Identifier: MIT

package tapegrad

import (
	"errors"
	"fmt"
)

// Status is what a call of the library says: OK or one of Error... A library that is newer than
// this package may say numbers that have no name here.
type Status int32

// Error is what a failing call gives: the library is then as it was before the call. Message names
// the function, the operand, what was expected, what came and what to do.
type Error struct {
	Code    Status
	Message string
}

func (e *Error) Error() string { return e.Message }

// Name is the constant's name, such as TG_ERROR_SHAPE.
func (e *Error) Name() string { return e.Code.String() }

// Is makes errors.Is(err, &Error{Code: ErrorShape}) ask for the code alone.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code && other.Message == ""
}

func (s Status) String() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("status %d", int32(s))
}

// CodeOf gives the code of an error of this package, OK of nil, and ErrorInternal of others.
func CodeOf(err error) Status {
	var own *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &own):
		return own.Code
	}
	return ErrorInternal
}

// Must is for programs that have nothing better to do with an error than to end:
// y := Must(x.Mul(ctx, x)).
func Must[T any](result T, err error) T {
	if err != nil {
		panic(err)
	}
	return result
}
