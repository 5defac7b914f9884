# SPDX-License-Identifier: MIT
# Run with TG_LIBRARY naming a library in which every status is 9999: each call dies with the number.
use strict;
use warnings;
use Test::More;
use Tapegrad;

plan skip_all => 'TG_INVENTED is not set' if !$ENV{TG_INVENTED};
my @wrong;
my $tried = 0;
for my $name (sort keys %Tapegrad::functions) {
  my ($returns, @parameters) = @{$Tapegrad::functions{$name}};
  next if $returns ne 'status';
  my @inputs = map { $_->[0] eq 'bytes' ? '' : $_->[0] eq 'array' ? [] : undef }
    grep { $_->[0] !~ /out|count|room/ } @parameters;
  push @wrong, $name if eval { Tapegrad::call($name, @inputs); 1 } || !ref $@ || $@->code != 9999
    || $@->message eq '' || $@->name eq '';
  ++$tried;
}
is("@wrong", '', "$tried functions die with the number");
cmp_ok($tried, '>', 150, 'all functions were tried');
ok(!eval { Tapegrad::inference_mode { 1 }; 1 } && $@->code == 9999, 'a mode dies with the number');
done_testing();
