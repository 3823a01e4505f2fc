(* Sums, and how things move: lemmas for the proofs, of which no statement of the book speaks. *)

From Coq Require Import Reals Lra Lia FunctionalExtensionality.
From Coquelicot Require Import Rcomplements Hierarchy Continuity Derive AutoDerive.
From Xent Require Import Definitions.
Open Scope R_scope.

(* --- sums --------------------------------------------------------------------------------------------- *)

Lemma sum_ext n f g : (forall k, (1 <= k <= n)%nat -> f k = g k) -> sum n f = sum n g.
Proof.
  induction n; simpl; intros H; [reflexivity|].
  rewrite IHn, H; [reflexivity | lia | intros; apply H; lia].
Qed.

Lemma sum_plus n f g : sum n (fun k => f k + g k) = sum n (fun k => f k) + sum n (fun k => g k).
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_opp n f : sum n (fun k => - f k) = - sum n (fun k => f k).
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_minus n f g : sum n (fun k => f k - g k) = sum n (fun k => f k) - sum n (fun k => g k).
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_scal_l n a f : sum n (fun k => a * f k) = a * sum n (fun k => f k).
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_scal_r n a f : sum n (fun k => f k * a) = sum n (fun k => f k) * a.
Proof. induction n; simpl; [ring | rewrite IHn; ring]. Qed.

Lemma sum_div n a f : sum n (fun k => f k / a) = sum n (fun k => f k) / a.
Proof. apply sum_scal_r. Qed.

Lemma sum_const n a : sum n (fun _ => a) = INR n * a.
Proof.
  induction n; [simpl; ring|].
  rewrite S_INR; simpl sum; rewrite IHn; ring.
Qed.

Lemma sum_zero n : sum n (fun _ => 0) = 0.
Proof. rewrite sum_const; ring. Qed.

Lemma sum_swap n m f : sum n (fun i => sum m (fun j => f i j)) = sum m (fun j => sum n (fun i => f i j)).
Proof.
  induction n; simpl; [rewrite sum_zero; reflexivity|].
  rewrite IHn, <- sum_plus; reflexivity.
Qed.

Lemma sum_le n f g : (forall k, (1 <= k <= n)%nat -> f k <= g k) -> sum n f <= sum n g.
Proof.
  induction n; simpl; intros H; [lra|].
  apply Rplus_le_compat; [apply IHn; intros; apply H | apply H]; lia.
Qed.

Lemma sum_lt n f g i : (1 <= i <= n)%nat ->
  (forall k, (1 <= k <= n)%nat -> f k <= g k) -> f i < g i -> sum n f < sum n g.
Proof.
  induction n; simpl; intros Hi H Hs; [lia|].
  destruct (Nat.eq_dec i (S n)) as [->|Hn].
  - apply Rplus_le_lt_compat; [apply sum_le; intros; apply H; lia | exact Hs].
  - apply Rplus_lt_le_compat; [apply IHn; [lia | intros; apply H; lia | exact Hs] | apply H; lia].
Qed.

Lemma sum_nonneg n f : (forall k, (1 <= k <= n)%nat -> 0 <= f k) -> 0 <= sum n f.
Proof. intros H; rewrite <- (sum_zero n); apply sum_le, H. Qed.

Lemma sum_pos n f : (1 <= n)%nat -> (forall k, (1 <= k <= n)%nat -> 0 < f k) -> 0 < sum n f.
Proof.
  intros Hn H; rewrite <- (sum_zero n); apply (sum_lt n _ _ 1); [lia | | apply H; lia].
  intros k Hk; apply Rlt_le, H, Hk.
Qed.

(* --- deltas ------------------------------------------------------------------------------------------- *)

Lemma delta_same i : delta i i = 1.
Proof. unfold delta; rewrite Nat.eqb_refl; reflexivity. Qed.

Lemma delta_other i j : i <> j -> delta i j = 0.
Proof. intros H; unfold delta; destruct (Nat.eqb_spec i j); [contradiction | reflexivity]. Qed.

Lemma delta_sym i j : delta i j = delta j i.
Proof. unfold delta; rewrite Nat.eqb_sym; reflexivity. Qed.

Lemma delta_cases i j : (i = j /\ delta i j = 1) \/ (i <> j /\ delta i j = 0).
Proof. destruct (Nat.eq_dec i j) as [->|H]; [left; split; [|apply delta_same] | right; split; [|apply delta_other]]; auto. Qed.

Lemma sum_pick n i f : (1 <= i <= n)%nat -> sum n (fun k => delta i k * f k) = f i.
Proof.
  induction n; simpl; intros Hi; [lia|].
  destruct (delta_cases i (S n)) as [[-> ->]|[H ->]].
  - replace (sum n (fun k => delta (S n) k * f k)) with (sum n (fun _ => 0)).
    + rewrite sum_zero; ring.
    + apply sum_ext; intros k Hk; rewrite delta_other by lia; ring.
  - rewrite IHn by lia; ring.
Qed.

Lemma sum_pick_l n i f : (1 <= i <= n)%nat -> sum n (fun k => delta k i * f k) = f i.
Proof.
  intros Hi; rewrite <- (sum_pick n i f Hi); apply sum_ext; intros; rewrite delta_sym; reflexivity.
Qed.

Lemma sum_pick_r n i f : (1 <= i <= n)%nat -> sum n (fun k => f k * delta k i) = f i.
Proof.
  intros Hi; rewrite <- (sum_pick n i f Hi); apply sum_ext; intros; rewrite delta_sym; ring.
Qed.

Lemma sum_delta n i : (1 <= i <= n)%nat -> sum n (fun k => delta i k) = 1.
Proof.
  intros Hi; transitivity (sum n (fun k => delta i k * 1)).
  - apply sum_ext; intros; ring.
  - exact (sum_pick n i (fun _ => 1) Hi).
Qed.

(* One term stands out of a sum. *)
Lemma sum_split n i f : (1 <= i <= n)%nat -> sum n (fun k => f k) = f i + sum n (fun k => f k * (1 - delta i k)).
Proof.
  intros Hi; rewrite <- (sum_pick n i f Hi), <- sum_plus.
  apply sum_ext; intros; ring.
Qed.

Lemma sum_term_le n i f : (1 <= i <= n)%nat -> (forall k, (1 <= k <= n)%nat -> 0 <= f k) -> f i <= sum n f.
Proof.
  intros Hi H; change (sum n f) with (sum n (fun k => f k)); rewrite (sum_split n i f Hi).
  assert (0 <= sum n (fun k => f k * (1 - delta i k))); [|lra].
  apply sum_nonneg; intros k Hk; destruct (delta_cases i k) as [[_ ->]|[_ ->]]; specialize (H k Hk); lra.
Qed.

(* --- products ----------------------------------------------------------------------------------------- *)

Lemma prod_ext n f g : (forall k, (1 <= k <= n)%nat -> f k = g k) -> prod n f = prod n g.
Proof.
  induction n; simpl; intros H; [reflexivity|].
  rewrite IHn, H; [reflexivity | lia | intros; apply H; lia].
Qed.

Lemma prod_pos n f : (forall k, (1 <= k <= n)%nat -> 0 < f k) -> 0 < prod n f.
Proof.
  induction n; simpl; intros H; [lra|].
  apply Rmult_lt_0_compat; [apply IHn; intros; apply H | apply H]; lia.
Qed.

Lemma exp_sum n f : exp (sum n (fun k => f k)) = prod n (fun k => exp (f k)).
Proof. induction n; simpl; [apply exp_0 | rewrite exp_plus, IHn; reflexivity]. Qed.

Lemma ln_prod n f : (forall k, (1 <= k <= n)%nat -> 0 < f k) -> ln (prod n (fun k => f k)) = sum n (fun k => ln (f k)).
Proof.
  induction n; simpl; intros H; [apply ln_1|].
  rewrite ln_mult, IHn; [reflexivity | | apply prod_pos | ]; intros; apply H; lia.
Qed.

(* --- softmax and log-sum-exp, of any logits ----------------------------------------------------------- *)

Lemma total_pos K z : (1 <= K)%nat -> 0 < sum K (fun k => exp (z k)).
Proof. intros HK; apply sum_pos; [exact HK | intros; apply exp_pos]. Qed.

Lemma softmax_positive K z i : (1 <= K)%nat -> 0 < softmax K z i.
Proof. intros HK; apply Rdiv_lt_0_compat; [apply exp_pos | apply total_pos, HK]. Qed.

Lemma softmax_total K z : (1 <= K)%nat -> sum K (fun k => softmax K z k) = 1.
Proof.
  intros HK; unfold softmax; rewrite sum_div.
  apply Rinv_r, Rgt_not_eq, (total_pos K z HK).
Qed.

Lemma softmax_ext K w z i : (forall k, (1 <= k <= K)%nat -> w k = z k) -> (1 <= i <= K)%nat ->
  softmax K w i = softmax K z i.
Proof.
  intros H Hi; unfold softmax; rewrite (H i Hi).
  f_equal; apply sum_ext; intros k Hk; rewrite (H k Hk); reflexivity.
Qed.

Lemma lse_ext K w z : (forall k, (1 <= k <= K)%nat -> w k = z k) -> lse K w = lse K z.
Proof. intros H; unfold lse; f_equal; apply sum_ext; intros k Hk; rewrite (H k Hk); reflexivity. Qed.

Lemma exp_lse K z : (1 <= K)%nat -> exp (lse K z) = sum K (fun k => exp (z k)).
Proof. intros HK; apply exp_ln, total_pos, HK. Qed.

Lemma softmax_exp K z i : (1 <= K)%nat -> softmax K z i = exp (z i - lse K z).
Proof.
  intros HK; unfold Rminus; rewrite exp_plus, exp_Ropp, exp_lse by exact HK; reflexivity.
Qed.

Lemma ln_softmax K z i : (1 <= K)%nat -> ln (softmax K z i) = z i - lse K z.
Proof. intros HK; rewrite softmax_exp by exact HK; apply ln_exp. Qed.

(* --- an array with one entry changed ------------------------------------------------------------------ *)

Lemma upd_at z j t : upd z j t j = t.
Proof. unfold upd; rewrite Nat.eqb_refl; reflexivity. Qed.

Lemma upd_off z j t k : k <> j -> upd z j t k = z k.
Proof. intros H; unfold upd; destruct (Nat.eqb_spec k j); [contradiction | reflexivity]. Qed.

Lemma upd_same z j : upd z j (z j) = z.
Proof.
  apply functional_extensionality; intros k; unfold upd.
  destruct (Nat.eqb_spec k j) as [->|]; reflexivity.
Qed.

Lemma upd2_same z m j : upd2 z m j (z m j) = z.
Proof.
  apply functional_extensionality; intros n; unfold upd2.
  destruct (Nat.eqb_spec n m) as [->|]; [apply upd_same | reflexivity].
Qed.

(* --- slopes ------------------------------------------------------------------------------------------- *)

Lemma slope_is (f : R -> R) (x a b : R) : is_derive f x a -> a = b -> is_derive f x b.
Proof. intros H <-; exact H. Qed.

Lemma slope_ext (f g : R -> R) (x a : R) : (forall t, f t = g t) -> is_derive f x a -> is_derive g x a.
Proof. intros H; exact (is_derive_ext f g x a H). Qed.

Lemma slope_const (a x : R) : is_derive (fun _ => a) x 0.
Proof. exact (is_derive_const a x). Qed.

Lemma slope_id (x : R) : is_derive (fun t => t) x 1.
Proof. exact (is_derive_id x). Qed.

Lemma slope_plus (f g : R -> R) (x a b : R) :
  is_derive f x a -> is_derive g x b -> is_derive (fun t => f t + g t) x (a + b).
Proof. exact (is_derive_plus f g x a b). Qed.

Lemma slope_minus (f g : R -> R) (x a b : R) :
  is_derive f x a -> is_derive g x b -> is_derive (fun t => f t - g t) x (a - b).
Proof. exact (is_derive_minus f g x a b). Qed.

Lemma slope_opp (f : R -> R) (x a : R) : is_derive f x a -> is_derive (fun t => - f t) x (- a).
Proof. exact (is_derive_opp f x a). Qed.

Lemma slope_mult (f g : R -> R) (x a b : R) :
  is_derive f x a -> is_derive g x b -> is_derive (fun t => f t * g t) x (a * g x + f x * b).
Proof. intros Hf Hg; exact (is_derive_mult f g x a b Hf Hg). Qed.

Lemma slope_inv (f : R -> R) (x a : R) : is_derive f x a -> f x <> 0 -> is_derive (fun t => / f t) x (- a / f x ^ 2).
Proof. exact (is_derive_inv f x a). Qed.

Lemma slope_div (f g : R -> R) (x a b : R) : is_derive f x a -> is_derive g x b -> g x <> 0 ->
  is_derive (fun t => f t / g t) x ((a * g x - f x * b) / g x ^ 2).
Proof.
  intros Hf Hg H; eapply slope_is; [exact (slope_mult f (fun t => / g t) x _ _ Hf (slope_inv g x b Hg H))|].
  cbv beta; field; exact H.
Qed.

Lemma slope_exp (f : R -> R) (x a : R) : is_derive f x a -> is_derive (fun t => exp (f t)) x (exp (f x) * a).
Proof.
  intros H; eapply slope_is.
  - apply (is_derive_comp exp f x (exp (f x)) a); [|exact H].
    auto_derive; [trivial | ring].
  - apply Rmult_comm.
Qed.

Lemma slope_ln (f : R -> R) (x a : R) : is_derive f x a -> 0 < f x -> is_derive (fun t => ln (f t)) x (a / f x).
Proof.
  intros H Hf; apply (is_derive_comp ln f x (/ f x) a); [|exact H].
  auto_derive; [exact Hf | field; lra].
Qed.

Lemma slope_pow (f : R -> R) n (x a : R) :
  is_derive f x a -> is_derive (fun t => f t ^ n) x (INR n * a * f x ^ pred n).
Proof. exact (is_derive_pow f n x a). Qed.

Lemma slope_sum n (f : R -> nat -> R) (x : R) (d : nat -> R) :
  (forall k, (1 <= k <= n)%nat -> is_derive (fun t => f t k) x (d k)) ->
  is_derive (fun t => sum n (fun k => f t k)) x (sum n (fun k => d k)).
Proof.
  induction n; simpl; intros H; [apply slope_const|].
  apply slope_plus; [apply IHn; intros; apply H | apply H]; lia.
Qed.

(* Logits that move along any curve: how the log-sum-exp and the probabilities follow. *)
Lemma slope_lse K (w : R -> nat -> R) (x : R) (d : nat -> R) : (1 <= K)%nat ->
  (forall k, (1 <= k <= K)%nat -> is_derive (fun t => w t k) x (d k)) ->
  is_derive (fun t => lse K (w t)) x (sum K (fun k => softmax K (w x) k * d k)).
Proof.
  intros HK H; unfold lse, softmax.
  eapply slope_is.
  - apply (slope_ln (fun t => sum K (fun k => exp (w t k)))); [|apply total_pos, HK].
    apply (slope_sum K (fun t k => exp (w t k))); intros k Hk.
    apply (slope_exp (fun t => w t k)), (H k Hk).
  - rewrite <- sum_div; apply sum_ext; intros k Hk; field; apply Rgt_not_eq, total_pos, HK.
Qed.

Lemma slope_softmax K (w : R -> nat -> R) (x : R) (d : nat -> R) i : (1 <= K)%nat -> (1 <= i <= K)%nat ->
  (forall k, (1 <= k <= K)%nat -> is_derive (fun t => w t k) x (d k)) ->
  is_derive (fun t => softmax K (w t) i) x
    (softmax K (w x) i * (d i - sum K (fun k => softmax K (w x) k * d k))).
Proof.
  intros HK Hi H.
  apply (slope_ext (fun t => exp (w t i - lse K (w t)))).
  - intros t; symmetry; apply softmax_exp, HK.
  - rewrite softmax_exp by exact HK.
    apply (slope_exp (fun t => w t i - lse K (w t))), slope_minus; [apply H, Hi | apply slope_lse; assumption].
Qed.

Lemma slope_upd z j k x : is_derive (fun t => upd z j t k) x (delta k j).
Proof.
  unfold upd, delta; destruct (Nat.eqb k j); [apply slope_id | apply slope_const].
Qed.

Lemma slope_upd2 z m j n k x : is_derive (fun t => upd2 z m j t n k) x (delta n m * delta k j).
Proof.
  unfold upd2; unfold delta at 1; destruct (Nat.eqb n m).
  - apply (slope_is _ _ _ _ (slope_upd (z n) j k x)); ring.
  - apply (slope_is _ _ _ _ (slope_const (z n k) x)); ring.
Qed.

(* What a quotient or a logarithm needs. *)
Ltac slope_side :=
  cbv beta; rewrite ?upd_same, ?upd2_same;
  try (apply softmax_positive; assumption); try (apply Rgt_not_eq, softmax_positive; assumption); try lra.

(* Each rule where its form stands; what has no rule is a hypothesis, or left to be proved. *)
Ltac slope := cbv beta;
  lazymatch goal with
  | |- is_derive (fun _ => ?c) _ _ => apply slope_const
  | |- is_derive (fun t => t) _ _ => apply slope_id
  | |- is_derive (fun t => @?f t + @?g t) _ _ => apply (slope_plus f g); slope
  | |- is_derive (fun t => @?f t - @?g t) _ _ => apply (slope_minus f g); slope
  | |- is_derive (fun t => - @?f t) _ _ => apply (slope_opp f); slope
  | |- is_derive (fun t => @?f t * @?g t) _ _ => apply (slope_mult f g); slope
  | |- is_derive (fun t => @?f t / @?g t) _ _ => apply (slope_div f g); [slope | slope | slope_side]
  | |- is_derive (fun t => / @?f t) _ _ => apply (slope_inv f); [slope | slope_side]
  | |- is_derive (fun t => exp (@?f t)) _ _ => apply (slope_exp f); slope
  | |- is_derive (fun t => ln (@?f t)) _ _ => apply (slope_ln f); [slope | slope_side]
  | |- is_derive (fun t => @?f t ^ ?n) _ _ => apply (slope_pow f n); slope
  | |- is_derive (fun t => upd ?z ?j t ?k) _ _ => apply (slope_upd z j k)
  | |- is_derive (fun t => upd2 ?z ?m ?j t ?n ?k) _ _ => apply (slope_upd2 z m j n k)
  | |- is_derive (fun t => lse ?K (@?w t)) _ _ =>
      eapply (slope_lse K w); [assumption | let k := fresh "k" in let H := fresh "H" in intros k H; slope]
  | |- is_derive (fun t => softmax ?K (@?w t) ?i) _ _ =>
      eapply (slope_softmax K w);
      [assumption | assumption | let k := fresh "k" in let H := fresh "H" in intros k H; slope]
  | |- is_derive (fun t => sum ?n (@?f t)) _ _ =>
      eapply (slope_sum n f); let k := fresh "k" in let H := fresh "H" in intros k H; slope
  | |- _ => try eassumption
  end.

(* Show a slope by the rules, and that it is the one that is claimed. *)
Ltac by_slope := unfold is_partial, is_partial2; eapply slope_is; [slope | cbv beta; rewrite ?upd_same, ?upd2_same].

(* The tangent of the logarithm at 1 touches it there alone. *)
Lemma ln_below_tangent r : 0 < r -> r <> 1 -> ln r < r - 1.
Proof.
  intros Hr H1; assert (Hn : ln r <> 0).
  { intros E; apply H1; rewrite <- (exp_ln r Hr), E; apply exp_0. }
  assert (H := exp_ineq1 (ln r) Hn); rewrite exp_ln in H by exact Hr; lra.
Qed.

Lemma partial_unique F z j d : is_partial F z j d -> partial F z j = d.
Proof. exact (is_derive_unique (fun t => F (upd z j t)) (z j) d). Qed.

Lemma partial_exists F z j d : is_partial F z j d -> ex_partial F z j.
Proof. intros H; exists d; exact H. Qed.
