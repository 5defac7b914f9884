// SPDX-License-Identifier: MIT
// What few tensors have, so that the others need no room for it: a name, the .grad of a tensor that
// has no accumulator, and an accumulator that sleeps while its leaf requires no grad.
#pragma once

#include "base/blocks.h"
#include "core/tensor.h"

namespace tg {

void set_name(const Tensor& x, const char* name);  // "" takes it away
// Writes the name into the message; false: none.
bool append_name(const TensorHead& head, Message& message);

String name_of_tensor(const TensorHead& head);  // "" if none

Tensor extra_grad(const TensorHead& head, bool* set_by_user);
void set_extra_grad(const TensorHead& head, Tensor grad, bool set_by_user);
// The same in two steps: room is made first, then nothing can fail. The former .grad comes back in
// `grad`, so that its end, which may run a user's deleter, is up to the caller.
void reserve_extra(const TensorHead& head);
// false: there is no room.
bool replace_extra_grad(const TensorHead& head, Tensor& grad, bool set_by_user) noexcept;

// A history that the head takes up again later, counted. Room for it was made by reserve_extra.
void put_asleep(const TensorHead& head, History* past) noexcept;
History* wake(const TensorHead& head) noexcept;  // null: none sleeps

// The head ends: its extras end with it.
void forget_extras(TensorHead& head) noexcept;

// The head, which has hooks, has no owner any more. false: one of them has given it one meanwhile,
// and it lives on; else it has none from now on. Defined in autograd/hooks.cpp.
bool end_hooked(TensorHead& head) noexcept;

// The head ends: its history too, which it has. Defined in autograd/node.cpp, beside let_go.
void forget_history(TensorHead& head) noexcept;

}  // namespace tg
