(* Part three: the loss on a computer. *)

From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Rcomplements Hierarchy Derive.
From Xent Require Import Definitions Tools Loss.
Open Scope R_scope.

Theorem loss_from_shifted_logits :
  forall (K : nat) (z : nat -> R) (M : R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    - ln (softmax K z i) = ln (sum K (fun k => exp (z k - M))) + M - z i.
Proof.
  intros K z M i HK Hi; rewrite ln_softmax by exact HK.
  assert (S := loss_shift K z (- M) i HK Hi).
  rewrite (sum_ext K (fun k => exp (z k - M)) (fun k => exp (z k + - M))); [lra | reflexivity].
Qed.

Theorem odds_of_the_others :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    sum K (fun k => exp (z k - z i) * (1 - delta i k)) = 1 / softmax K z i - 1.
Proof.
  intros K z i HK Hi; unfold softmax.
  rewrite (sum_ext K _ (fun k => exp (z k) * (1 - delta i k) / exp (z i))), sum_div.
  - assert (S := sum_split K i (fun k => exp (z k)) Hi); assert (T := total_pos K z HK); assert (E := exp_pos (z i)).
    replace (sum K (fun k => exp (z k) * (1 - delta i k))) with (sum K (fun k => exp (z k)) - exp (z i)) by lra.
    field; lra.
  - intros k Hk; unfold Rminus at 1; rewrite exp_plus, exp_Ropp; unfold Rdiv; ring.
Qed.

Theorem loss_without_own_class :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    - ln (softmax K z i) = ln (1 + sum K (fun k => exp (z k - z i) * (1 - delta i k))).
Proof.
  intros K z i HK Hi; rewrite (odds_of_the_others K z i HK Hi).
  replace (1 + (1 / softmax K z i - 1)) with (/ softmax K z i) by (unfold Rdiv; ring).
  rewrite ln_Rinv by (apply softmax_positive, HK); reflexivity.
Qed.

Theorem gradient_from_loss :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    softmax K z i - 1 = exp (- (- ln (softmax K z i))) - 1.
Proof.
  intros K z i HK Hi; rewrite Ropp_involutive, exp_ln by (apply softmax_positive, HK); reflexivity.
Qed.

Theorem gradient_from_the_others :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    softmax K z i - 1 = - sum K (fun k => softmax K z k * (1 - delta i k)).
Proof.
  intros K z i HK Hi; assert (T := softmax_total K z HK); rewrite (sum_split K i) in T by exact Hi; lra.
Qed.

Theorem softplus_by_cases :
  forall (x : R),
    ln (1 + exp x) = ln (1 + exp (- Rabs x)) + Rmax 0 x.
Proof.
  intros x; unfold Rmax, Rabs; destruct (Rle_dec 0 x), (Rcase_abs x); try lra.
  - replace (1 + exp x) with (exp x * (1 + exp (- x))).
    + rewrite ln_mult, ln_exp; [ring | apply exp_pos | assert (E := exp_pos (- x)); lra].
    + rewrite Rmult_plus_distr_l, <- exp_plus, Rplus_opp_r, exp_0; ring.
  - rewrite Ropp_involutive; ring.
Qed.

Theorem loss_at_most_odds :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    ln (1 / softmax K z i) <= 1 / softmax K z i - 1.
Proof.
  intros K z i HK Hi; apply log_below_tangent, Rdiv_lt_0_compat; [lra | apply softmax_positive, HK].
Qed.

Theorem loss_at_least_one_minus_p :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    1 - softmax K z i <= - ln (softmax K z i).
Proof.
  intros K z i HK Hi; assert (H := log_below_tangent _ (softmax_positive K z i HK)); lra.
Qed.

Theorem merge_value :
  forall (m_1 m_2 s_1 s_2 : R),
    0 < s_1 ->
    0 < s_2 ->
    Rmax m_1 m_2 + ln (s_1 * exp (m_1 - Rmax m_1 m_2) + s_2 * exp (m_2 - Rmax m_1 m_2)) = ln (s_1 * exp m_1 +
        s_2 * exp m_2).
Proof.
  intros m1 m2 s1 s2 H1 H2; set (M := Rmax m1 m2).
  replace (s1 * exp m1 + s2 * exp m2) with (exp M * (s1 * exp (m1 - M) + s2 * exp (m2 - M))).
  - rewrite ln_mult, ln_exp; [reflexivity | apply exp_pos|].
    apply Rplus_lt_0_compat; apply Rmult_lt_0_compat; (assumption || apply exp_pos).
  - unfold Rminus; rewrite !exp_plus, exp_Ropp; assert (E := exp_pos M); field; lra.
Qed.

Theorem log_sum_exp_from_pieces :
  forall (K : nat) (u : nat -> R) (z : nat -> R) (M m_1 m_2 : R),
    (1 <= K)%nat ->
    ln (exp (m_1 - M) * sum K (fun k => exp (z k - m_1) * u k) + exp (m_2 - M) * sum K (fun k => exp (z k -
        m_2) * (1 - u k))) + M = lse K z.
Proof.
  intros K u z M m1 m2 HK.
  (* Each piece, taken at its own maximum, is brought to the common one. *)
  assert (P : forall m w, exp (m - M) * sum K (fun k => exp (z k - m) * w k) = exp (- M) * sum K (fun k => exp (z k) * w k)).
  { intros m w; rewrite <- !sum_scal_l; apply sum_ext; intros k Hk; unfold Rminus.
    rewrite !exp_plus, exp_Ropp with (x := m); assert (E := exp_pos m); field; lra. }
  rewrite P, (P m2 (fun k => 1 - u k)), <- Rmult_plus_distr_l, <- sum_plus.
  rewrite (sum_ext K _ (fun k => exp (z k))) by (intros; ring).
  rewrite ln_mult, ln_exp; [unfold lse; ring | apply exp_pos | apply total_pos, HK].
Qed.

Theorem low_logit_bounded :
  forall (K : nat) (z : nat -> R) (i l : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= l <= K)%nat ->
    softmax K z l <= exp (z l - z i).
Proof.
  intros K z i l HK Hi Hl; unfold softmax, Rminus; rewrite exp_plus, exp_Ropp.
  apply Rmult_le_compat_l; [apply Rlt_le, exp_pos|]; apply Rinv_le_contravar; [apply exp_pos|].
  apply (sum_term_le K i (fun k => exp (z k)) Hi); intros; apply Rlt_le, exp_pos.
Qed.

Theorem masked_softmax_sum :
  forall (K : nat) (a : nat -> R) (z : nat -> R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 <= a k) ->
    sum K (fun k => exp (z k) * a k) <> 0 ->
    sum K (fun j => exp (z j) * a j / sum K (fun k => exp (z k) * a k)) = 1.
Proof.
  intros K a z HK Ha Hd; rewrite sum_div; apply Rinv_r, Hd.
Qed.

Theorem text_loss :
  forall (K : nat) (N : nat) (c : nat -> nat) (z : nat -> nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    sum N (fun n => lse K (z n) - z n (c n)) = - ln (prod N (fun n => softmax K (z n) (c n))).
Proof.
  intros K N c z HK HN Hc; rewrite ln_prod by (intros; apply softmax_positive, HK).
  rewrite <- sum_opp; apply sum_ext; intros; rewrite ln_softmax by exact HK; ring.
Qed.

Theorem untrained_loss_lower :
  forall (K : nat) (z : nat -> R),
    (1 <= K)%nat ->
    ln (INR K) <= - (sum K (fun k => ln (softmax K z k)) / INR K).
Proof.
  intros K z HK; assert (PK : 0 < INR K) by (apply lt_0_INR; lia).
  (* The tangent of the logarithm at 1, of K p, over all classes. *)
  assert (H : sum K (fun k => ln (INR K * softmax K z k)) <= sum K (fun k => INR K * softmax K z k - 1)).
  { apply sum_le; intros; apply log_below_tangent, Rmult_lt_0_compat; [exact PK | apply softmax_positive, HK]. }
  rewrite sum_minus, sum_scal_l, softmax_total, sum_const in H by exact HK.
  rewrite (sum_ext K _ (fun k => ln (INR K) + ln (softmax K z k))), sum_plus, sum_const in H by
    (intros; apply ln_mult; [exact PK | apply softmax_positive, HK]).
  apply (Rmult_le_reg_l (INR K)); [exact PK|].
  replace (INR K * - (sum K (fun k => ln (softmax K z k)) / INR K)) with (- sum K (fun k => ln (softmax K z k))) by
    (field; lra).
  lra.
Qed.

Theorem padded_classes :
  forall (K : nat) (z : nat -> R) (r : R),
    (1 <= K)%nat ->
    0 < r ->
    ln (sum K (fun k => exp (z k)) + r) - lse K z = ln (1 + r * exp (- lse K z)).
Proof.
  intros K z r HK Hr; assert (T := total_pos K z HK); rewrite exp_Ropp, exp_lse by exact HK; unfold lse.
  rewrite <- ln_div by lra; f_equal; field; lra.
Qed.
