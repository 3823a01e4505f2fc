(* What the theorems speak of. Whoever trusts these lines, Coq and its real numbers needs to trust no proof.

   As in the book, classes, samples and features are counted from 1. An array is a function on the natural
   numbers; only its entries at 1, ..., K are ever used. Angles and units play no role: ln is the natural
   logarithm, and losses are in nats. *)

From Coq Require Import Reals.
From Coquelicot Require Import Hierarchy Derive.
Open Scope R_scope.

(* The sum and the product of f 1, ..., f n. *)
Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with O => 0 | S m => sum m f + f (S m) end.

Fixpoint prod (n : nat) (f : nat -> R) : R :=
  match n with O => 1 | S m => prod m f * f (S m) end.

(* 1 where two indices are equal, else 0. *)
Definition delta (i j : nat) : R := if Nat.eqb i j then 1 else 0.

(* The probabilities of the logits z, and the logarithm of the sum of their exponentials. *)
Definition softmax (K : nat) (z : nat -> R) (i : nat) : R := exp (z i) / sum K (fun k => exp (z k)).

Definition lse (K : nat) (z : nat -> R) : R := ln (sum K (fun k => exp (z k))).

(* An array with one entry changed: entry j is t, and the others are those of z. *)
Definition upd (z : nat -> R) (j : nat) (t : R) : nat -> R := fun k => if Nat.eqb k j then t else z k.

Definition upd2 (z : nat -> nat -> R) (m j : nat) (t : R) : nat -> nat -> R :=
  fun n => if Nat.eqb n m then upd (z n) j t else z n.

(* F has at z the partial derivative d with respect to entry j; there is one; and the one that there is. *)
Definition is_partial (F : (nat -> R) -> R) (z : nat -> R) (j : nat) (d : R) : Prop :=
  is_derive (fun t => F (upd z j t)) (z j) d.

Definition ex_partial (F : (nat -> R) -> R) (z : nat -> R) (j : nat) : Prop :=
  ex_derive (fun t => F (upd z j t)) (z j).

Definition partial (F : (nat -> R) -> R) (z : nat -> R) (j : nat) : R :=
  Derive (fun t => F (upd z j t)) (z j).

(* The same of an array with two indices, of its entry at m and j. *)
Definition is_partial2 (F : (nat -> nat -> R) -> R) (z : nat -> nat -> R) (m j : nat) (d : R) : Prop :=
  is_derive (fun t => F (upd2 z m j t)) (z m j) d.

Definition ex_partial2 (F : (nat -> nat -> R) -> R) (z : nat -> nat -> R) (m j : nat) : Prop :=
  ex_derive (fun t => F (upd2 z m j t)) (z m j).

Definition partial2 (F : (nat -> nat -> R) -> R) (z : nat -> nat -> R) (m j : nat) : R :=
  Derive (fun t => F (upd2 z m j t)) (z m j).
