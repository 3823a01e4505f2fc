(* Part four: temperature, smoothing, priors, other losses, other ways to probabilities. *)

From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Rcomplements Hierarchy Derive.
From Xent Require Import Definitions Tools Loss Gradients.
Open Scope R_scope.

Theorem temperature_odds :
  forall (K : nat) (z : nat -> R) (T : R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    0 < T ->
    softmax K (fun k => z k / T) i / softmax K (fun k => z k / T) j = exp ((z i - z j) / T).
Proof.
  intros K z T i j HK Hi Hj HT; rewrite (softmax_ratio K (fun k => z k / T) i j HK Hi Hj); f_equal; field; lra.
Qed.

Theorem temperature_order :
  forall (K : nat) (z : nat -> R) (T : R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    0 < T ->
    (z i < z j) <-> (softmax K (fun k => z k / T) i < softmax K (fun k => z k / T) j).
Proof.
  intros K z T i j HK Hi Hj HT; rewrite <- (softmax_order K (fun k => z k / T) i j HK Hi Hj).
  split; intros H; [apply Rmult_lt_compat_r; [apply Rinv_0_lt_compat, HT | exact H]|].
  apply Rmult_lt_reg_r in H; [exact H | apply Rinv_0_lt_compat, HT].
Qed.

Theorem temperature_reciprocal :
  forall (K : nat) (z : nat -> R) (T : R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    0 < T ->
    1 / softmax K (fun k => z k / T) i = sum K (fun k => exp ((z k - z i) / T)).
Proof.
  intros K z T i HK Hi HT; unfold softmax.
  rewrite (sum_ext K (fun k => exp ((z k - z i) / T)) (fun k => exp (z k / T) / exp (z i / T))), sum_div.
  - assert (P := total_pos K (fun k => z k / T) HK); assert (E := exp_pos (z i / T)); field; lra.
  - intros k Hk; unfold Rdiv at 2; rewrite <- exp_Ropp, <- exp_plus; f_equal; field; lra.
Qed.

Theorem temperature_infinite :
  forall (K : nat) (z : nat -> R) (beta : R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    beta = 0 ->
    softmax K (fun k => beta * z k) i = 1 / INR K.
Proof.
  intros K z b i HK Hi ->; unfold softmax.
  rewrite (sum_ext K _ (fun _ => 1)), sum_const, Rmult_0_l, exp_0; [rewrite Rmult_1_r; reflexivity|].
  intros; rewrite Rmult_0_l; apply exp_0.
Qed.

Theorem temperature_speed :
  forall (K : nat) (z : nat -> R) (T : R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    0 < T ->
    is_derive (fun T => softmax K (fun k => z k / T) i) T (- (softmax K (fun k => z k / T) i * (z i - sum K
        (fun k => softmax K (fun j => z j / T) k * z k)) / T ^ 2)).
Proof.
  intros K z T i HK Hi HT; set (p := softmax K (fun k => z k / T)).
  eapply slope_is; [slope|]; cbv beta; fold p; [lra ..|].
  rewrite (sum_ext K _ (fun k => - (p k * z k) / T ^ 2)) by (intros; unfold p; field; lra).
  rewrite sum_div, sum_opp; unfold p; field; lra.
Qed.

Theorem smoothing_keeps_order :
  forall (K : nat) (q : nat -> R) (s : R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    q i * (1 - s) + s / INR K - (q j * (1 - s) + s / INR K) = (1 - s) * (q i - q j).
Proof.
  intros K q s i j _ _ _; ring.
Qed.

Theorem smoothed_loss_of_gap :
  forall (K : nat) (g s : R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    - sum K (fun k => (delta i k * (1 - s) + s / INR K) * ln (softmax K (fun j => g * delta j i) k)) = ln (1 +
        exp (- g) * (INR K - 1)) + g * s * (INR K - 1) / INR K.
Proof.
  intros K g s i HK Hi; assert (PK : 0 < INR K) by (apply lt_0_INR; lia).
  set (z := fun j => g * delta j i).
  assert (L : lse K z = g + ln (1 + exp (- g) * (INR K - 1))).
  { unfold lse; rewrite (sum_split K i (fun k => exp (z k))) by exact Hi.
    rewrite (sum_ext K (fun k => exp (z k) * (1 - delta i k)) (fun k => 1 - delta i k)).
    - rewrite sum_minus, sum_const, sum_delta by exact Hi; unfold z; rewrite delta_same, Rmult_1_r.
      replace (exp g + (INR K * 1 - 1)) with (exp g * (1 + exp (- g) * (INR K - 1))).
      + rewrite ln_mult, ln_exp; [reflexivity | apply exp_pos|].
        assert (1 <= INR K) by (apply (le_INR 1); lia); assert (E := exp_pos (- g)).
        assert (0 <= exp (- g) * (INR K - 1)) by (apply Rmult_le_pos; lra); lra.
      + rewrite Rmult_plus_distr_l, <- Rmult_assoc, <- exp_plus, Rplus_opp_r, exp_0; ring.
    - intros k Hk; unfold z; rewrite (delta_sym k i).
      destruct (delta_cases i k) as [[_ ->]|[_ ->]]; [ring | rewrite Rmult_0_r, exp_0; ring]. }
  rewrite (sum_ext K _ (fun k => delta i k * ((1 - s) * (z k - lse K z)) + s / INR K * (z k - lse K z))).
  - rewrite sum_plus, (sum_pick K i (fun k => (1 - s) * (z k - lse K z))), sum_scal_l, sum_minus, sum_const by exact Hi.
    rewrite (sum_ext K (fun k => z k) (fun k => g * delta i k)), sum_scal_l, sum_delta by
      (exact Hi || intros; unfold z; rewrite delta_sym; reflexivity).
    rewrite L; unfold z; rewrite delta_same; field; lra.
  - intros k Hk; rewrite ln_softmax by exact HK; ring.
Qed.

Theorem smoothed_risk_gradient :
  forall (K : nat) (q : nat -> R) (z : nat -> R) (s : R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    sum K (fun k => q k) = 1 ->
    is_partial (fun z => sum K (fun i => - (q i * sum K (fun k => (delta i k * (1 - s) + s / INR K) * ln
        (softmax K z k))))) z j (softmax K z j - (q j * (1 - s) + s / INR K)).
Proof.
  intros K q z s j HK Hj Sq; assert (PK : INR K <> 0) by (apply not_0_INR; lia).
  apply (slope_ext (fun t => - sum K (fun k => (q k * (1 - s) + s / INR K) * ln (softmax K (upd z j t) k)))).
  - intros t; rewrite (sum_ext K (fun i => - (q i * _)) (fun i => - (q i * (1 - s) * ln (softmax K (upd z j t) i)
      + q i * (s / INR K * sum K (fun k => ln (softmax K (upd z j t) k)))))).
    + rewrite sum_opp, sum_plus, sum_scal_r, Sq, Rmult_1_l, <- sum_scal_l, <- sum_plus.
      f_equal; apply sum_ext; intros; ring.
    + intros i Hi; rewrite (sum_ext K _ (fun k => delta i k * ((1 - s) * ln (softmax K (upd z j t) k))
        + s / INR K * ln (softmax K (upd z j t) k))) by (intros; ring).
      rewrite sum_plus, sum_pick, sum_scal_l by exact Hi; ring.
  - apply (slope_is _ _ _ _ (cross_entropy_gradient K (fun k => q k * (1 - s) + s / INR K) z j HK Hj)).
    rewrite sum_plus, sum_scal_r, sum_const, Sq; field; exact PK.
Qed.

Theorem adjusted_gradient :
  forall (K : nat) (pi : nat -> R) (z : nat -> R) (tau : R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < pi k) ->
    is_partial (fun z => - ln (softmax K (fun k => tau * ln (pi k) + z k) i)) z j (softmax K (fun k => tau *
        ln (pi k) + z k) j - delta i j).
Proof.
  intros K pi z tau i j HK Hi Hj _; by_slope.
  rewrite (sum_ext K _ (fun k => softmax K (fun k => tau * ln (pi k) + z k) k * delta k j)) by (intros; ring).
  rewrite sum_pick_r by exact Hj; assert (P := softmax_positive K (fun k => tau * ln (pi k) + z k) i HK).
  field; lra.
Qed.

Theorem adjusted_mean_gradient :
  forall (K : nat) (pi : nat -> R) (q : nat -> R) (z : nat -> R) (tau : R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < pi k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    sum K (fun k => q k) = 1 ->
    is_partial (fun z => sum K (fun k => - (q k * ln (softmax K (fun i => tau * ln (pi i) + z i) k)))) z j
        (softmax K (fun k => tau * ln (pi k) + z k) j - q j).
Proof.
  intros K pi q z tau j HK Hj _ _ Sq.
  apply (slope_ext (fun t => lse K (fun k => tau * ln (pi k) + upd z j t k)
    - sum K (fun k => q k * (tau * ln (pi k) + upd z j t k)))).
  - intros t; rewrite sum_opp; symmetry; apply (soft_target_from_logits K q (fun k => tau * ln (pi k) + upd z j t k) HK Sq).
  - by_slope.
    rewrite (sum_ext K _ (fun k => softmax K (fun k => tau * ln (pi k) + z k) k * delta k j)) by (intros; ring).
    rewrite (sum_ext K (fun k => 0 * _ + _) (fun k => q k * delta k j)) by (intros; ring).
    rewrite !sum_pick_r by exact Hj; reflexivity.
Qed.

Theorem prior_shift :
  forall (K : nat) (g : nat -> R) (pi : nat -> R) (rho : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < g k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < pi k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < rho k) ->
    g i * rho i / sum K (fun k => g k * rho k) = (g i * pi i / sum K (fun k => g k * pi k)) * rho i / (pi i *
        sum K (fun k => (g k * pi k / sum K (fun j => g j * pi j)) * rho k / pi k)).
Proof.
  intros K g pi rho i HK Hi Hg Hp Hr.
  assert (A : 0 < sum K (fun k => g k * rho k)) by (apply sum_pos; auto; intros; apply Rmult_lt_0_compat; auto).
  assert (B : 0 < sum K (fun k => g k * pi k)) by (apply sum_pos; auto; intros; apply Rmult_lt_0_compat; auto).
  rewrite (sum_ext K (fun k => _ * rho k / pi k) (fun k => g k * rho k / sum K (fun j => g j * pi j))), sum_div.
  - specialize (Hp i Hi); field; lra.
  - intros k Hk; specialize (Hp k Hk); field; lra.
Qed.

Theorem class_weight_undone :
  forall (K : nat) (q : nat -> R) (w : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < w k) ->
    sum K (fun k => q k) = 1 ->
    (q j * w j / sum K (fun k => q k * w k)) / (w j * sum K (fun k => (q k * w k / sum K (fun k => q k * w k))
        / w k)) = q j.
Proof.
  intros K q w j HK Hj Hq Hw Sq.
  assert (A : 0 < sum K (fun k => q k * w k)) by (apply sum_pos; auto; intros; apply Rmult_lt_0_compat; auto).
  rewrite (sum_ext K (fun k => q k * w k / sum K (fun k => q k * w k) / w k)
    (fun k => q k / sum K (fun k => q k * w k))), sum_div, Sq.
  - specialize (Hw j Hj); field; lra.
  - intros k Hk; specialize (Hw k Hk); field; lra.
Qed.

Theorem threshold_for_costs :
  forall (a b t : R),
    0 < a ->
    0 < b ->
    (a * (1 - t) < b * t) <-> (a / (a + b) < t).
Proof.
  intros a b t Ha Hb; split; intros H.
  - apply (Rmult_lt_reg_r (a + b)); [lra|]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l by lra; lra.
  - apply (Rmult_lt_compat_r (a + b)) in H; [|lra]; unfold Rdiv in H; rewrite Rmult_assoc, Rinv_l in H by lra; lra.
Qed.

Theorem binary_risk_slope :
  forall (t x : R),
    is_derive (fun x => - (t * ln (1 / (1 + exp (- x)))) - (1 - t) * ln (1 - 1 / (1 + exp (- x)))) x (1 / (1 +
        exp (- x)) - t).
Proof.
  intros t x; assert (E := exp_pos (- x)).
  eapply slope_is; [slope; try lra|]; cbv beta.
  + apply Rdiv_lt_0_compat; lra.
  + replace (1 - 1 / (1 + exp (- x))) with (exp (- x) / (1 + exp (- x))) by (field; lra).
    apply Rdiv_lt_0_compat; lra.
  + field; repeat split; lra.
Qed.

Theorem brier_proper :
  forall (K : nat) (q : nat -> R) (y : nat -> R),
    (1 <= K)%nat ->
    sum K (fun k => y k) = 1 ->
    sum K (fun k => y k * sum K (fun j => (q j - delta j k) ^ 2)) - sum K (fun k => y k * sum K (fun j => (y j
        - delta j k) ^ 2)) = sum K (fun k => (q k - y k) ^ 2).
Proof.
  intros K q y HK Sy.
  assert (B : forall r, sum K (fun k => y k * sum K (fun j => (r j - delta j k) ^ 2))
    = sum K (fun j => r j ^ 2 - 2 * (r j * y j)) + 1).
  { intros r; rewrite (sum_ext K _ (fun k => y k * (sum K (fun j => r j ^ 2) - 2 * r k + 1))).
    - rewrite (sum_ext K _ (fun k => y k * (sum K (fun j => r j ^ 2)) - 2 * (r k * y k) + y k)) by (intros; ring).
      rewrite sum_plus, !sum_minus, sum_scal_r, Sy; ring.
    - intros k Hk; f_equal.
      rewrite (sum_ext K _ (fun j => r j ^ 2 - delta k j * (2 * r j) + delta k j)).
      + rewrite sum_plus, sum_minus, (sum_pick K k (fun j => 2 * r j)), sum_delta by exact Hk; ring.
      + intros j Hj; rewrite (delta_sym j k); destruct (delta_cases k j) as [[_ ->]|[_ ->]]; ring. }
  rewrite !B; transitivity (sum K (fun j => q j ^ 2 - 2 * (q j * y j)) - sum K (fun j => y j ^ 2 - 2 * (y j * y j))); [ring|].
  rewrite <- sum_minus; apply sum_ext; intros; ring.
Qed.

Theorem linear_score_gradient :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    is_partial (fun z => 1 - sum K (fun k => softmax K z k * y k)) z j (softmax K z j * (sum K (fun k =>
        softmax K z k * y k) - y j)).
Proof.
  intros K y z j HK Hj _; by_slope.
  rewrite (sum_ext K _ (fun k => softmax K z k * y k * delta k j - softmax K z j * (softmax K z k * y k))).
  - rewrite sum_minus, sum_scal_l, (sum_pick_r K j (fun k => softmax K z k * y k)) by exact Hj; ring.
  - intros k Hk; rewrite sum_pick_r by exact Hj; ring.
Qed.

Theorem expected_reward_gradient :
  forall (K : nat) (r : nat -> R) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    is_partial (fun z => sum K (fun k => softmax K z k * r k)) z j (softmax K z j * (r j - sum K (fun k =>
        softmax K z k * r k))).
Proof.
  intros K r z j HK Hj; by_slope.
  rewrite (sum_ext K _ (fun k => softmax K z k * r k * delta k j - softmax K z j * (softmax K z k * r k))).
  - rewrite sum_minus, sum_scal_l, (sum_pick_r K j (fun k => softmax K z k * r k)) by exact Hj; ring.
  - intros k Hk; rewrite sum_pick_r by exact Hj; ring.
Qed.

Theorem free_energy_gap :
  forall (K : nat) (q : nat -> R) (z : nat -> R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    sum K (fun k => q k) = 1 ->
    lse K z - - sum K (fun k => q k * ln (q k)) - sum K (fun k => q k * z k) = sum K (fun k => q k * ln (q k /
        softmax K z k)).
Proof.
  intros K q z HK Hq Sq.
  rewrite (sum_ext K (fun k => q k * ln (q k / softmax K z k)) (fun k => q k * ln (q k) - q k * z k + q k * lse K z)).
  - rewrite sum_plus, sum_minus, sum_scal_r, Sq; ring.
  - intros k Hk; rewrite ln_div by (apply Hq, Hk || apply softmax_positive, HK); rewrite ln_softmax by exact HK; ring.
Qed.

Theorem free_energy_bound :
  forall (K : nat) (q : nat -> R) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    sum K (fun k => q k) = 1 ->
    q i <> softmax K z i ->
    - sum K (fun k => q k * ln (q k)) + sum K (fun k => q k * z k) < lse K z.
Proof.
  intros K q z i HK Hi Hq Sq Hd; assert (E := free_energy_gap K q z HK Hq Sq).
  assert (G := gibbs_strict K (softmax K z) q i HK Hi (fun k _ => softmax_positive K z k HK) Hq Sq (softmax_total K z HK) Hd).
  lra.
Qed.

Theorem entropy_gap_is_kl :
  forall (K : nat) (f : nat -> R) (q : nat -> R) (lambda : R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    sum K (fun k => q k) = 1 ->
    sum K (fun k => f k * q k) = sum K (fun k => softmax K (fun i => lambda * f i) k * f k) ->
    - sum K (fun k => softmax K (fun i => lambda * f i) k * ln (softmax K (fun i => lambda * f i) k)) - - sum
        K (fun k => q k * ln (q k)) = sum K (fun k => q k * ln (q k / softmax K (fun i => lambda * f i) k)).
Proof.
  intros K f q l HK Hq Sq Hm; set (z := fun i => l * f i).
  assert (F : sum K (fun k => q k * z k) = sum K (fun k => softmax K z k * z k)).
  { unfold z at 1 3; rewrite (sum_ext K _ (fun k => l * (f k * q k))), sum_scal_l, Hm by (intros; ring).
    rewrite <- sum_scal_l; apply sum_ext; intros; unfold z; ring. }
  assert (E := free_energy_gap K q z HK Hq Sq).
  assert (P := free_energy_gap K (softmax K z) z HK (fun k _ => softmax_positive K z k HK) (softmax_total K z HK)).
  rewrite (sum_ext K (fun k => softmax K z k * ln (softmax K z k / softmax K z k)) (fun _ => 0)), sum_zero in P.
  - fold z; lra.
  - intros k Hk; assert (Q := softmax_positive K z k HK); unfold Rdiv; rewrite Rinv_r, ln_1 by lra; ring.
Qed.

Theorem entropy_at_most_softmax :
  forall (K : nat) (f : nat -> R) (q : nat -> R) (lambda : R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    sum K (fun k => q k) = 1 ->
    sum K (fun k => f k * q k) = sum K (fun k => softmax K (fun i => lambda * f i) k * f k) ->
    - sum K (fun k => q k * ln (q k)) <= - sum K (fun k => softmax K (fun i => lambda * f i) k * ln (softmax K
        (fun i => lambda * f i) k)).
Proof.
  intros K f q l HK Hq Sq Hm; assert (E := entropy_gap_is_kl K f q l HK Hq Sq Hm).
  assert (G := gibbs_inequality K (softmax K (fun i => l * f i)) q HK
    (fun k _ => softmax_positive K _ k HK) Hq Sq (softmax_total K _ HK)); lra.
Qed.

Theorem hinge_least_risk :
  forall (a v x : R),
    0 <= a ->
    0 < v ->
    2 * v <= v * Rmax 0 (1 + x) + Rmax 0 (1 - x) * (a + v).
Proof.
  intros a v x Ha Hv; assert (M1 := Rmax_l 0 (1 + x)); assert (M2 := Rmax_r 0 (1 + x)).
  assert (M3 := Rmax_l 0 (1 - x)); assert (M4 := Rmax_r 0 (1 - x)); nra.
Qed.

Theorem squared_hinge_parabola :
  forall (u v x : R),
    0 < u ->
    0 < v ->
    u * (1 - x) ^ 2 + v * (1 + x) ^ 2 = (x - (u - v) / (u + v)) ^ 2 * (u + v) + 4 * u * v / (u + v).
Proof.
  intros u v x Hu Hv; field; lra.
Qed.

Theorem exponential_least_risk :
  forall (u v x : R),
    0 < u ->
    0 < v ->
    2 * sqrt u * sqrt v <= u * exp (- x) + v * exp x.
Proof.
  intros u v x Hu Hv.
  assert (H := pow2_ge_0 (sqrt u * exp (- x / 2) - sqrt v * exp (x / 2))).
  replace ((sqrt u * exp (- x / 2) - sqrt v * exp (x / 2)) ^ 2) with
    (sqrt u * sqrt u * (exp (- x / 2) * exp (- x / 2)) + sqrt v * sqrt v * (exp (x / 2) * exp (x / 2))
      - 2 * sqrt u * sqrt v * (exp (- x / 2) * exp (x / 2))) in H by ring.
  rewrite !sqrt_sqrt, <- !exp_plus in H by lra.
  replace (- x / 2 + - x / 2) with (- x) in H by field; replace (x / 2 + x / 2) with x in H by field.
  replace (- x / 2 + x / 2) with 0 in H by field; rewrite exp_0 in H; lra.
Qed.

Theorem sparsemax_above_and_below :
  forall (a tau : R),
    a = tau + Rmax 0 (a - tau) - Rmax 0 (tau - a).
Proof.
  intros a tau; unfold Rmax; destruct (Rle_dec 0 (a - tau)), (Rle_dec 0 (tau - a)); lra.
Qed.

Theorem sparsemax_above_or_below :
  forall (a tau : R),
    Rmax 0 (tau - a) * Rmax 0 (a - tau) = 0.
Proof.
  intros a tau; unfold Rmax; destruct (Rle_dec 0 (tau - a)), (Rle_dec 0 (a - tau)); nra.
Qed.

Theorem sparsemax_nearest :
  forall (K : nat) (mu : nat -> R) (q : nat -> R) (y : nat -> R) (tau : R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 <= mu k) ->
    (forall k, (1 <= k <= K)%nat -> 0 <= q k) ->
    sum K (fun k => q k) = 1 ->
    sum K (fun k => y k) = 1 ->
    sum K (fun k => mu k * q k) = 0 ->
    sum K (fun k => (q k + tau - mu k - y k) ^ 2) - sum K (fun k => (q k + tau - mu k - q k) ^ 2) = 2 * sum K
        (fun k => mu k * y k) + sum K (fun k => (y k - q k) ^ 2).
Proof.
  intros K mu q y tau HK Hm Hq Sq Sy C.
  rewrite (sum_ext K (fun k => (q k + tau - mu k - y k) ^ 2)
    (fun k => (q k + tau - mu k - q k) ^ 2 + (2 * (mu k * y k) - 2 * (mu k * q k) + (y k - q k) ^ 2
      + 2 * tau * (q k - y k)))) by (intros; ring).
  rewrite !sum_plus, sum_minus, !sum_scal_l, sum_minus, C, Sq, Sy; ring.
Qed.

Theorem distillation_optimum :
  forall (K : nat) (u : nat -> R) (T s : R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    0 < T ->
    softmax K (fun k => (u k + s) / T) j = softmax K (fun k => u k / T) j.
Proof.
  intros K u T s j HK Hj HT; rewrite <- (softmax_shift K (fun k => u k / T) (s / T) j HK Hj); unfold softmax.
  f_equal; [f_equal; field; lra | apply sum_ext; intros; f_equal; field; lra].
Qed.

Theorem distillation_limit :
  forall (K : nat) (u : nat -> R) (z : nat -> R) (beta : R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    beta = 0 ->
    softmax K (fun k => beta * z k) j * (z j - sum K (fun k => softmax K (fun i => beta * z i) k * z k)) -
        softmax K (fun k => beta * u k) j * (u j - sum K (fun k => softmax K (fun i => beta * u i) k * u k)) =
        (sum K (fun k => u k) / INR K + z j - sum K (fun k => z k) / INR K - u j) / INR K.
Proof.
  intros K u z b j HK Hj Hb; assert (PK : INR K <> 0) by (apply not_0_INR; lia).
  assert (U : forall w i, (1 <= i <= K)%nat -> softmax K (fun k => b * w k) i = 1 / INR K).
  { intros w i Hi; exact (temperature_infinite K w b i HK Hi Hb). }
  rewrite !U by exact Hj.
  rewrite (sum_ext K (fun k => softmax K (fun i => b * z i) k * z k) (fun k => z k / INR K)), sum_div by
    (intros; rewrite U by assumption; field; exact PK).
  rewrite (sum_ext K (fun k => softmax K (fun i => b * u i) k * u k) (fun k => u k / INR K)), sum_div by
    (intros; rewrite U by assumption; field; exact PK).
  field; exact PK.
Qed.

Theorem info_nce_density :
  forall (K : nat) (a : nat -> R) (T : R),
    (1 <= K)%nat ->
    0 < T ->
    sum K (fun i => INR K * softmax K (fun k => a k / T) i) / INR K = 1.
Proof.
  intros K a T HK HT; rewrite sum_scal_l, softmax_total by exact HK; field; apply not_0_INR; lia.
Qed.
