#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""perl.py api.json Tapegrad.pm: the whole binding for Perl, from api.json and nothing else: a table
of functions with what each parameter is, the code below that calls by the table, one class for each
kind of handle with the functions that take one as methods, operators, modes as blocks, errors."""
import json
import sys

NUMBERS = {"int32_t": "sint32", "tg_status": "sint32", "uint32_t": "uint32", "int64_t": "sint64",
           "uint64_t": "uint64", "size_t": "size_t", "double": "double", "const char *": "string"}
ITEMS = {"int64": "q", "handle": "Q", "double": "d"}  # letters of pack

RUNTIME = r'''
use FFI::Platypus 2.00;
use FFI::Platypus::Buffer qw(scalar_to_pointer);
our $ffi = FFI::Platypus->new(api => 2, lib => $ENV{TG_LIBRARY} || 'libtapegrad.so.0');
our (%functions, %entries);

# What a function is, worked out when it is first called.
sub entry {
  my ($name) = @_;
  my ($returns, @parameters) = @{$functions{$name} or die "there is no function $name\n"};
  my @types = map { $_->[0] eq 'out' ? "$_->[1]*" : $_->[1] || 'opaque' } @parameters;
  my @outs = grep { $_->[0] eq 'out' } @parameters;
  my $gives = $returns !~ /^(status|void)$/;
  return $entries{$name} = {returns => $returns, parameters => \@parameters, outs => scalar @outs,
    function => $ffi->function($name => \@types => $returns eq 'status' ? 'sint32' : $returns),
    plain => !(grep { $_->[0] !~ /^(in|out)$/ || $_->[1] =~ /string|opaque/ } @parameters),
    gives => $gives, classes => [($gives ? '' : ()), map { $_->[2] } @outs]};
}

# raw('tg_add', inputs): the status (of a function without one 0) and the results, as tg_call counts
# them. An array in is a list reference, bytes in are a string, a buffer out is a reference to a
# string that is as long as the buffer; undef is NULL or 0.
sub raw {
  my ($name, @inputs) = @_;
  my $entry = $entries{$name} || entry($name);
  my @places = (0) x $entry->{outs};
  my ($out, @given, %counts, @kept) = 0;
  if ($entry->{plain}) {
    @given = ((map { $_ // 0 } @inputs), \(@places));
  } else {
    for (@{$entry->{parameters}}) {
      my ($kind, $type, $counter, $letter) = @$_;
      if ($kind =~ /out|count/) { push @given, $kind eq 'out' ? \$places[$out++] : undef; next }
      my $input = shift @inputs;
      $input //= 0 if $kind eq 'in' && $type !~ /string|opaque/;
      if ($kind eq 'in' || !defined $input) { push @given, $input; next }
      my $memory = $kind eq 'room' ? $input
        : \($kind eq 'array' ? pack("$letter*", map { $_ // 0 } @$input) : $input);
      my $count = length($$memory) / ($letter eq 'a' ? 1 : 8);
      $counts{$counter} = $count if $count > ($counts{$counter} // 0);
      push @kept, $memory; # while its address is in use
      push @given, scalar_to_pointer(length $$memory ? $$memory : ${\"\0"});
    }
    $entry->{parameters}[$_][0] eq 'count' and $given[$_] = $counts{$_} // 0 for 0 .. $#given;
  }
  my $returned = $entry->{function}->call(@given);
  return ($entry->{returns} eq 'status' ? $returned : 0, ($entry->{gives} ? $returned : ()), @places);
}

# call('tg_add', inputs): objects for handles go in and come out, buffers are found by the call, and
# a failure dies with a Tapegrad::Error.
sub call {
  my ($name, @inputs) = @_;
  my $entry = $entries{$name} || entry($name);
  my ($size, $letter, $class) = 512;
  while (1) {
    my ($room, $counted, @rest) = (undef, undef, map { ref eq 'ARRAY' ? [map { number_of($_) } @$_]
      : number_of($_) } @inputs);
    my @passed = $entry->{plain} ? @rest : map { $_->[0] eq 'room' ? do {
        ($letter, $class, my $beside) = @$_[3 .. 5];
        $counted = @{$inputs[$beside]} if defined $beside; # places; else as many as it takes
        my $bytes = "\0" x (8 * ($counted // $size)); $room = \$bytes }
      : $_->[0] =~ /out|count/ ? () : shift @rest } @{$entry->{parameters}};
    my ($status, @results) = raw($name, @passed);
    my $needed = $room && !defined $counted && @results ? $results[-1] : 0;
    if ($needed >= $size && ($status == 0 || $status == TG_ERROR_LIMIT())) { $size = $needed + 1; next }
    die Tapegrad::Error->new($status) if $status != 0;
    my $classes = $entry->{classes};
    @results = map { $classes->[$_] ? object($classes->[$_], $results[$_]) : $results[$_] } 0 .. $#results;
    return wantarray ? @results : $results[0] if !$room;
    return unpack('Z*', $$room) if $letter eq 'a';
    my @items = unpack("$letter" . ($counted // $needed), $$room);
    return [$letter eq 'Q' ? map { object($class, $_) } @items : @items];
  }
}
sub number_of { ref $_[0] ? ${$_[0]} : $_[0] }
sub object { my ($class, $handle) = @_; $handle ? bless(\$handle, "Tapegrad::$class") : undef }

# tensor([[1, 2], [3, 4]], requires_grad => 1, dtype => TG_FLOAT64)
my %letters = (1, 'f', 2, 'd', 5, 'c', 6, 's', 7, 'l', 8, 'q', 9, 'C', 10, 'C'); # by dtype
sub ragged { die Tapegrad::Error->new(TG_ERROR_SHAPE(), 'tensor: rows of one list differ in length') }
sub tensor {
  my ($values, %options) = @_;
  my ($dtype, @shape) = $options{dtype} || TG_FLOAT32();
  for (my $level = $values; ref $level; $level = $level->[0]) { push @shape, scalar @$level }
  my @items = ref $values ? @$values : $values;
  for my $n (@shape[1 .. $#shape]) { @items = map { ref $_ && @$_ == $n ? @$_ : ragged() } @items }
  ragged() if grep { ref } @items;
  return call('tg_tensor_create', pack("$letters{$dtype}*", @items), $dtype, \@shape, $options{requires_grad} // 0);
}
sub Tapegrad::Tensor::to_list { # the elements, row by row
  my $bytes = "\0" x $_[0]->nbytes;
  my ($status) = raw('tg_tensor_copy_out', ${$_[0]}, \$bytes);
  return $status ? die Tapegrad::Error->new($status) : [unpack "$letters{$_[0]->dtype}*", $bytes];
}
# The mode is on in the block and ends with it, also where it dies: no_grad { ... };
sub in_mode {
  my ($name, $block, @arguments) = @_;
  call("tg_${name}_enter", @arguments);
  my ($list, @results) = wantarray;
  my $done = eval { @results = $list ? $block->() : scalar $block->(); 1 };
  my $error = $@;
  call("tg_${name}_exit");
  return $done ? $list ? @results : $results[0] : die $error;
}
sub inference_mode(&;$) { in_mode('inference_mode', $_[0], $_[1] // 1) }
sub no_grad(&) { in_mode('no_grad', @_) } sub enable_grad(&) { in_mode('enable_grad', @_) }
sub set_grad_enabled(&$) { in_mode('set_grad_enabled', @_) }

package Tapegrad::Error;
use overload '""' => sub { $_[0]{message} . "\n" }, fallback => 1;
sub new { bless {code => $_[1], name => (Tapegrad::raw('tg_status_name', $_[1]))[1],
  message => $_[2] // (Tapegrad::raw('tg_last_error_message'))[1]}, $_[0] }
sub code { $_[0]{code} } sub name { $_[0]{name} } sub message { $_[0]{message} }

package Tapegrad::Handle;
sub DESTROY { Tapegrad::raw('tg_release', ${$_[0]}) if ${$_[0]}; ${$_[0]} = 0 }
sub release { $_[0]->DESTROY }

package Tapegrad::Tensor;
use overload '+' => sub { $_[0]->add($_[1]) }, '*' => sub { $_[0]->mul($_[1]) },
  '-' => sub { $_[2] ? $_[0]->neg->add($_[1]) : $_[0]->sub($_[1]) },
  '/' => sub { $_[2] ? $_[0]->pow_scalar(-1)->mul($_[1]) : $_[0]->div($_[1]) },
  '**' => sub { $_[0]->pow_scalar($_[1]) }, 'neg' => sub { $_[0]->neg }, 'bool' => sub { 1 },
  '==' => sub { ref $_[1] && Tapegrad::is_same($_[0], $_[1]) }, '""' => sub { $_[0]->format };
'''


def spec(function):
    """One list a parameter: its part, its type and more (raw and call above read them)."""
    names = [p["name"] for p in function["parameters"]]
    inputs = [p for p in function["parameters"] if p["direction"] == "in"
              and p["kind"] not in ("length", "capacity")]
    made = []
    for p in function["parameters"]:
        kind, out = p["kind"], p["direction"] != "in"
        own = p["c"].replace("const", "").replace("*", "").strip()
        number = names.index(p.get("length") or p.get("capacity") or p["name"])
        handle = p.get("handle", "").capitalize()
        letter = ITEMS.get(p.get("element"), "a")
        if kind in ("length", "capacity"):
            made.append(f"['count', '{NUMBERS[own]}']")
        elif kind in ("array", "bytes", "text") and out:
            beside = [n for n, q in enumerate(inputs) if q.get("length") == p.get("length", "")]
            beside = beside[-1] if beside else "undef"
            made.append(f"['room', '', {number}, '{letter}', '{handle}', {beside}]")
        elif kind == "bytes" or kind == "array" and letter != "a":
            made.append(f"['{kind}', '', {number}, '{letter}']")
        elif out:
            kind = "uint64" if handle else NUMBERS.get(own, "opaque")
            made.append(f"['out', '{kind}', '{handle}']")
        else:
            made.append(f"['in', '{'uint64' if handle else NUMBERS.get(p['c'], 'opaque')}']")
    returns = {"status": "status", "none": "void"}.get(function["returns"]["kind"])
    return f"['{returns or NUMBERS[function['returns']['c']]}', {', '.join(made)}]"


def methods(functions):
    lines, names = [], {f["name"] for f in functions}
    for f in functions:
        name, first = f["name"][3:], (f["parameters"] or [{}])[0]
        if first.get("direction") == "in" and first.get("handle", "any") != "any" and (
                not first["nullable"] and first["kind"] == "handle"):
            name = first["handle"].capitalize() + "::" + name.removeprefix(first["handle"] + "_")
        call = f"'{f['name']}', @_"
        if f"{f['name']}_scalar" in names:  # one name, and the operand may be a number
            call = f"ref $_[1] ? '{f['name']}' : '{f['name']}_scalar', @_[0, 1]"
        if name != "call":
            lines.append(f"sub Tapegrad::{name} {{ Tapegrad::call({call}) }}")
    return lines


def main(path, output):
    with open(path, encoding="utf-8") as file:
        api = json.load(file)
    lines = ["# SPDX-License-Identifier: MIT", "# Made by bindings/generate/perl.py from api.json.",
             "package Tapegrad;", "use strict;", "use warnings;", "no warnings 'redefine';"]
    lines += [f"sub {c['name']}() {{ {c['value']} }}" for c in api["constants"]]
    lines += [RUNTIME, "package Tapegrad;", "%functions = ("]
    lines += [f"  {f['name']} => {spec(f)}," for f in api["functions"]]
    lines += [");"] + methods(api["functions"])
    lines += [f"@Tapegrad::{t['name'][3:].capitalize()}::ISA = ('Tapegrad::Handle');"
              for t in api["types"] if t["kind"] == "handle"]
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines + ["1;", ""]))


main(*sys.argv[1:])
