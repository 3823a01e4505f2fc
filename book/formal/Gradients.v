(* Part two: the Jacobian, gradients, the Hessian, Fisher information. *)

From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Rcomplements Hierarchy Derive.
From Xent Require Import Definitions Tools Loss.
Open Scope R_scope.

Theorem softmax_jacobian :
  forall (K : nat) (z : nat -> R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    is_partial (fun z => softmax K z i) z j (softmax K z i * (delta i j - softmax K z j)).
Proof.
  intros K z i j HK Hi Hj.
  (* The i-th logit moves at speed delta i j, and the mean of all moves at softmax K z j. *)
  by_slope.
  rewrite sum_pick_r by exact Hj.
  reflexivity.
Qed.

Theorem softmax_jacobian_columns :
  forall (K : nat) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall i, (1 <= i <= K)%nat -> ex_partial (fun z => softmax K z i) z j) /\
    sum K (fun i => partial (fun z => softmax K z i) z j) = 0.
Proof.
  intros K z j HK Hj; split; [intros i Hi; eapply partial_exists, softmax_jacobian; assumption|].
  rewrite (sum_ext K _ (fun i => softmax K z i * delta i j - softmax K z i * softmax K z j)).
  - rewrite sum_minus, sum_pick_r, sum_scal_r, softmax_total by assumption; ring.
  - intros i Hi; rewrite (partial_unique _ _ _ _ (softmax_jacobian K z i j HK Hi Hj)); ring.
Qed.

Theorem softmax_speed :
  forall (K : nat) (v : nat -> R) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall j, (1 <= j <= K)%nat -> ex_partial (fun z => softmax K z i) z j) /\
    sum K (fun j => v j * partial (fun z => softmax K z i) z j) = softmax K z i * (v i - sum K (fun k =>
        softmax K z k * v k)).
Proof.
  intros K v z i HK Hi; split; [intros j Hj; eapply partial_exists, softmax_jacobian; assumption|].
  rewrite (sum_ext K _ (fun j => softmax K z i * (delta i j * v j - softmax K z j * v j))).
  - rewrite sum_scal_l, sum_minus, sum_pick by exact Hi; reflexivity.
  - intros j Hj; rewrite (partial_unique _ _ _ _ (softmax_jacobian K z i j HK Hi Hj)); ring.
Qed.

Theorem softmax_jacobian_rows :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall j, (1 <= j <= K)%nat -> ex_partial (fun z => softmax K z i) z j) /\
    sum K (fun j => partial (fun z => softmax K z i) z j) = 0.
Proof.
  intros K z i HK Hi; destruct (softmax_speed K (fun _ => 1) z i HK Hi) as [E S]; split; [exact E|].
  rewrite (sum_ext K _ (fun j => 1 * partial (fun z => softmax K z i) z j)) by (intros; ring).
  rewrite S, (sum_ext K _ (fun k => softmax K z k)), softmax_total by (assumption || intros; ring); ring.
Qed.

Theorem logsumexp_gradient :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    is_partial (fun z => lse K z) z i (softmax K z i).
Proof.
  intros K z i HK Hi; by_slope; apply sum_pick_r, Hi.
Qed.

Theorem logsumexp_hessian :
  forall (K : nat) (z : nat -> R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall z, ex_partial (fun z => lse K z) z i) /\
    is_partial (fun z => partial (fun z => lse K z) z i) z j (softmax K z i * (delta i j - softmax K z j)).
Proof.
  intros K z i j HK Hi Hj; split; [intros w; exact (partial_exists _ _ _ _ (logsumexp_gradient K w i HK Hi))|].
  apply (slope_ext (fun t => softmax K (upd z j t) i)).
  - intros t; symmetry; exact (partial_unique _ _ _ _ (logsumexp_gradient K _ i HK Hi)).
  - exact (softmax_jacobian K z i j HK Hi Hj).
Qed.

Theorem softmax_jacobian_temperature :
  forall (K : nat) (z : nat -> R) (T : R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    0 < T ->
    is_partial (fun z => softmax K (fun k => z k / T) i) z j (softmax K (fun k => z k / T) i * (delta i j -
        softmax K (fun k => z k / T) j) / T).
Proof.
  intros K z T i j HK Hi Hj HT; by_slope.
  rewrite (sum_ext K _ (fun k => softmax K (fun k => z k / T) k * delta k j / T)) by (intros; field; lra).
  rewrite sum_div, sum_pick_r by exact Hj; field; lra.
Qed.

Theorem loss_from_log_partition :
  forall (K : nat) (y : nat -> R) (z : nat -> R),
    (1 <= K)%nat ->
    - sum K (fun k => y k * ln (softmax K z k)) = lse K z * sum K (fun k => y k) - sum K (fun k => y k * z k).
Proof.
  intros K y z HK.
  rewrite (sum_ext K _ (fun k => y k * z k - lse K z * y k)), sum_minus, sum_scal_l; [ring|].
  intros; rewrite ln_softmax by exact HK; ring.
Qed.

Theorem cross_entropy_gradient :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    is_partial (fun z => - sum K (fun k => y k * ln (softmax K z k))) z j (softmax K z j * sum K (fun k => y
        k) - y j).
Proof.
  intros K y z j HK Hj.
  apply (slope_ext (fun t => lse K (upd z j t) * sum K (fun k => y k) - sum K (fun k => y k * upd z j t k))).
  { intros t; symmetry; apply loss_from_log_partition, HK. }
  by_slope; rewrite sum_pick_r by exact Hj.
  rewrite (sum_ext K (fun k => 0 * _ + _) (fun k => y k * delta k j)), sum_pick_r by (exact Hj || intros; ring).
  ring.
Qed.

Theorem cross_entropy_gradient_distribution :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    sum K (fun k => y k) = 1 ->
    is_partial (fun z => - sum K (fun k => y k * ln (softmax K z k))) z j (softmax K z j - y j).
Proof.
  intros K y z j HK Hj Sy; apply (slope_is _ _ _ _ (cross_entropy_gradient K y z j HK Hj)); rewrite Sy; ring.
Qed.

Theorem cross_entropy_gradient_label :
  forall (K : nat) (z : nat -> R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    is_partial (fun z => - ln (softmax K z i)) z j (softmax K z j - delta i j).
Proof.
  intros K z i j HK Hi Hj; by_slope.
  rewrite sum_pick_r by exact Hj; assert (P := softmax_positive K z i HK); field; lra.
Qed.

Theorem gradient_sums_to_zero :
  forall (K : nat) (y : nat -> R) (z : nat -> R),
    (1 <= K)%nat ->
    (forall j, (1 <= j <= K)%nat -> ex_partial (fun z => - sum K (fun k => y k * ln (softmax K z k))) z j) /\
    sum K (fun j => partial (fun z => - sum K (fun k => y k * ln (softmax K z k))) z j) = 0.
Proof.
  intros K y z HK; split; [intros j Hj; eapply partial_exists, cross_entropy_gradient; assumption|].
  rewrite (sum_ext K _ (fun j => softmax K z j * sum K (fun k => y k) - y j)).
  - rewrite sum_minus, sum_scal_r, softmax_total by exact HK; ring.
  - intros j Hj; exact (partial_unique _ _ _ _ (cross_entropy_gradient K y z j HK Hj)).
Qed.

Theorem gradient_true_class_bounded :
  forall (K : nat) (z : nat -> R) (i : nat),
    (2 <= K)%nat ->
    (1 <= i <= K)%nat ->
    - 1 < softmax K z i - 1 /\
    softmax K z i - 1 < 0.
Proof.
  intros K z i HK Hi; destruct (softmax_range K z i HK Hi); lra.
Qed.

Theorem gradient_entries_bounded :
  forall (K : nat) (z : nat -> R) (i j : nat),
    (2 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    - 1 < softmax K z j - delta i j /\
    softmax K z j - delta i j < 1.
Proof.
  intros K z i j HK Hi Hj; destruct (softmax_range K z j HK Hj).
  destruct (delta_cases i j) as [[_ ->]|[_ ->]]; lra.
Qed.

Theorem gradient_length_lower :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 - softmax K z i) ^ 2 <= sum K (fun j => (softmax K z j - delta i j) ^ 2).
Proof.
  intros K z i HK Hi; rewrite (sum_split K i (fun j => (softmax K z j - delta i j) ^ 2)) by exact Hi.
  rewrite delta_same.
  assert (0 <= sum K (fun j => (softmax K z j - delta i j) ^ 2 * (1 - delta i j))); [|lra].
  apply sum_nonneg; intros j Hj; apply Rmult_le_pos; [apply pow2_ge_0|].
  destruct (delta_cases i j) as [[_ ->]|[_ ->]]; lra.
Qed.

Theorem gradient_length_upper :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    sum K (fun j => (softmax K z j - delta i j) ^ 2) <= 2 * (1 - softmax K z i) ^ 2.
Proof.
  intros K z i HK Hi.
  (* The squares of the other probabilities are at most the square of their sum, 1 - p_i. *)
  set (f := fun j => softmax K z j * (1 - delta i j)).
  assert (S : sum K f = 1 - softmax K z i).
  { assert (T := softmax_total K z HK); rewrite (sum_split K i) in T by exact Hi; unfold f; lra. }
  assert (P : forall j, (1 <= j <= K)%nat -> 0 <= f j).
  { intros j Hj; assert (Q := softmax_positive K z j HK); unfold f.
    destruct (delta_cases i j) as [[_ ->]|[_ ->]]; lra. }
  rewrite (sum_split K i (fun j => (softmax K z j - delta i j) ^ 2)), delta_same by exact Hi.
  rewrite (sum_ext K (fun k => _ * (1 - delta i k)) (fun j => f j * f j)).
  - assert (B : sum K (fun j => f j * f j) <= sum K (fun j => f j * sum K f)).
    { apply sum_le; intros j Hj; apply Rmult_le_compat_l; [apply P, Hj | apply sum_term_le; assumption]. }
    rewrite sum_scal_r, S in B; change (sum K (fun k => f k)) with (sum K f) in B; rewrite S in B; lra.
  - intros j Hj; unfold f; destruct (delta_cases i j) as [[_ ->]|[_ ->]]; ring.
Qed.

Theorem gradient_length_two_classes :
  forall (K : nat) (z : nat -> R) (i : nat),
    K = 2%nat ->
    (1 <= i <= K)%nat ->
    sum K (fun j => (softmax K z j - delta i j) ^ 2) = 2 * (1 - softmax K z i) ^ 2.
Proof.
  intros K z i -> Hi; assert (T := softmax_total 2 z ltac:(lia)); simpl sum in *.
  assert (C : i = 1%nat \/ i = 2%nat) by lia.
  destruct C as [-> | ->]; unfold delta; simpl Nat.eqb; cbv iota; [replace (softmax 2 z 2) with (1 - softmax 2 z 1) by lra | replace (softmax 2 z 1) with (1 - softmax 2 z 2) by lra]; ring.
Qed.

Theorem true_class_speed :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall j, (1 <= j <= K)%nat -> ex_partial (fun z => softmax K z i) z j) /\
    sum K (fun j => partial (fun z => softmax K z i) z j * (delta i j - softmax K z j)) = softmax K z i * sum
        K (fun j => (softmax K z j - delta i j) ^ 2).
Proof.
  intros K z i HK Hi; split; [intros j Hj; eapply partial_exists, softmax_jacobian; assumption|].
  rewrite <- sum_scal_l; apply sum_ext; intros j Hj.
  rewrite (partial_unique _ _ _ _ (softmax_jacobian K z i j HK Hi Hj)); ring.
Qed.

Theorem kl_gradient :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    is_partial (fun z => sum K (fun k => y k * ln (y k / softmax K z k))) z j (softmax K z j - y j).
Proof.
  intros K y z j HK Hj Hy Sy.
  apply (slope_ext (fun t => sum K (fun k => y k * ln (y k)) + - sum K (fun k => y k * ln (softmax K (upd z j t) k)))).
  { intros t; rewrite <- sum_opp, <- sum_plus; apply sum_ext; intros k Hk.
    rewrite ln_div by (apply Hy, Hk || apply softmax_positive, HK); ring. }
  eapply slope_is; [apply slope_plus; [apply slope_const | exact (cross_entropy_gradient K y z j HK Hj)]|].
  rewrite Sy; ring.
Qed.

Theorem label_smoothing_gradient :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (epsilon : R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    sum K (fun k => y k) = 1 ->
    is_partial (fun z => - sum K (fun k => (y k * (1 - epsilon) + epsilon / INR K) * ln (softmax K z k))) z j
        (softmax K z j - (y j * (1 - epsilon) + epsilon / INR K)).
Proof.
  intros K y z e j HK Hj Sy.
  apply (slope_is _ _ _ _ (cross_entropy_gradient K (fun k => y k * (1 - e) + e / INR K) z j HK Hj)).
  rewrite sum_plus, sum_scal_r, sum_const, Sy; field; apply not_0_INR; lia.
Qed.

Theorem temperature_gradient :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (T : R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    0 < T ->
    sum K (fun k => y k) = 1 ->
    is_partial (fun z => - sum K (fun k => y k * ln (softmax K (fun i => z i / T) k))) z j ((softmax K (fun k
        => z k / T) j - y j) / T).
Proof.
  intros K y z T j HK Hj HT Sy.
  apply (slope_ext (fun t => lse K (fun k => upd z j t k / T) - sum K (fun k => y k * (upd z j t k / T)))).
  { intros t; symmetry; apply (soft_target_from_logits K y (fun k => upd z j t k / T) HK Sy). }
  by_slope.
  rewrite (sum_ext K _ (fun k => softmax K (fun k => z k / T) k * delta k j / T)) by (intros; field; lra).
  rewrite (sum_ext K (fun k => 0 * _ + _) (fun k => y k * delta k j / T)) by (intros; field; lra).
  rewrite !sum_div, !sum_pick_r by exact Hj; field; lra.
Qed.

Theorem cross_entropy_hessian :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall z, ex_partial (fun z => - sum K (fun k => y k * ln (softmax K z k))) z i) /\
    is_partial (fun z => partial (fun z => - sum K (fun k => y k * ln (softmax K z k))) z i) z j (softmax K z
        i * (delta i j - softmax K z j) * sum K (fun k => y k)).
Proof.
  intros K y z i j HK Hi Hj.
  split; [intros w; exact (partial_exists _ _ _ _ (cross_entropy_gradient K y w i HK Hi))|].
  apply (slope_ext (fun t => softmax K (upd z j t) i * sum K (fun k => y k) - y i)).
  - intros t; symmetry; exact (partial_unique _ _ _ _ (cross_entropy_gradient K y _ i HK Hi)).
  - by_slope; rewrite sum_pick_r by exact Hj; ring.
Qed.

Theorem hessian_times_vector :
  forall (K : nat) (v : nat -> R) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    sum K (fun j => (softmax K z i * (delta i j - softmax K z j)) * v j) = softmax K z i * (v i - sum K (fun k
        => softmax K z k * v k)).
Proof.
  intros K v z i HK Hi.
  rewrite (sum_ext K _ (fun j => softmax K z i * (delta i j * v j - softmax K z j * v j))) by (intros; ring).
  rewrite sum_scal_l, sum_minus, sum_pick by exact Hi; reflexivity.
Qed.

Theorem hessian_is_variance :
  forall (K : nat) (v : nat -> R) (z : nat -> R),
    (1 <= K)%nat ->
    sum K (fun j => sum K (fun i => (softmax K z i * (delta i j - softmax K z j)) * v i * v j)) = sum K (fun i
        => (v i - sum K (fun k => softmax K z k * v k)) ^ 2 * softmax K z i).
Proof.
  intros K v z HK; set (m := sum K (fun k => softmax K z k * v k)).
  rewrite sum_swap.
  rewrite (sum_ext K _ (fun i => softmax K z i * v i * v i - m * (softmax K z i * v i))).
  - rewrite sum_minus, sum_scal_l; fold m.
    rewrite (sum_ext K (fun i => (v i - m) ^ 2 * softmax K z i)
      (fun i => softmax K z i * v i * v i + (m * m * softmax K z i - 2 * m * (softmax K z i * v i)))) by (intros; ring).
    rewrite sum_plus, sum_minus, !sum_scal_l, softmax_total by exact HK; fold m; ring.
  - intros i Hi; rewrite (sum_ext K _ (fun j => v i * ((softmax K z i * (delta i j - softmax K z j)) * v j))) by (intros; ring).
    rewrite sum_scal_l, (hessian_times_vector K v z i HK Hi); fold m; ring.
Qed.

Theorem hessian_is_pair_variance :
  forall (K : nat) (v : nat -> R) (z : nat -> R),
    (1 <= K)%nat ->
    sum K (fun i => (v i - sum K (fun k => softmax K z k * v k)) ^ 2 * softmax K z i) = sum K (fun l => sum K
        (fun k => (v k - v l) ^ 2 * softmax K z k * softmax K z l)) / 2.
Proof.
  intros K v z HK; set (m := sum K (fun k => softmax K z k * v k)).
  set (q := sum K (fun k => softmax K z k * v k ^ 2)).
  transitivity (q - m * m).
  - rewrite (sum_ext K _ (fun i => softmax K z i * v i ^ 2 + (m * m * softmax K z i - 2 * m * (softmax K z i * v i)))) by (intros; ring).
    rewrite sum_plus, sum_minus, !sum_scal_l, softmax_total by exact HK; fold m q; ring.
  - rewrite (sum_ext K _ (fun l => q * softmax K z l + (softmax K z l * v l ^ 2 - 2 * m * (softmax K z l * v l)))).
    + rewrite sum_plus, sum_minus, !sum_scal_l, softmax_total by exact HK; fold m q; field.
    + intros l Hl; rewrite (sum_ext K _ (fun k => softmax K z l * (softmax K z k * v k ^ 2)
        + (softmax K z l * v l ^ 2 * softmax K z k - 2 * softmax K z l * v l * (softmax K z k * v k)))) by (intros; ring).
      rewrite sum_plus, sum_minus, !sum_scal_l, softmax_total by exact HK; fold m q; ring.
Qed.

Theorem hessian_positive_semidefinite :
  forall (K : nat) (v : nat -> R) (z : nat -> R),
    (1 <= K)%nat ->
    0 <= sum K (fun j => sum K (fun i => (softmax K z i * (delta i j - softmax K z j)) * v i * v j)).
Proof.
  intros K v z HK; rewrite hessian_is_variance by exact HK.
  apply sum_nonneg; intros i Hi; apply Rmult_le_pos; [apply pow2_ge_0 | apply Rlt_le, softmax_positive, HK].
Qed.

Theorem hessian_null_space :
  forall (K : nat) (v : nat -> R) (z : nat -> R) (k l : nat),
    (1 <= K)%nat ->
    (1 <= k <= K)%nat ->
    (1 <= l <= K)%nat ->
    v k <> v l ->
    0 < sum K (fun j => sum K (fun i => (softmax K z i * (delta i j - softmax K z j)) * v i * v j)).
Proof.
  intros K v z k l HK Hk Hl Hd; rewrite hessian_is_variance by exact HK.
  set (m := sum K (fun k => softmax K z k * v k)).
  (* One of two different numbers is not their mean. *)
  assert (E : exists i, (1 <= i <= K)%nat /\ v i <> m).
  { destruct (Req_dec (v k) m) as [<-|N]; [exists l | exists k]; split; auto. }
  destruct E as [i [Hi N]]; rewrite <- (sum_zero K); apply (sum_lt K _ _ i Hi).
  - intros j Hj; apply Rmult_le_pos; [apply pow2_ge_0 | apply Rlt_le, softmax_positive, HK].
  - apply Rmult_lt_0_compat; [|apply softmax_positive, HK].
    assert (0 < Rsqr (v i - m)) by (apply Rsqr_pos_lt; lra); rewrite Rsqr_pow2 in *; assumption.
Qed.

Theorem hessian_rows_sum_zero :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    sum K (fun j => softmax K z i * (delta i j - softmax K z j)) = 0.
Proof.
  intros K z i HK Hi; rewrite (sum_ext K _ (fun j => (softmax K z i * (delta i j - softmax K z j)) * 1)) by (intros; ring).
  rewrite (hessian_times_vector K (fun _ => 1) z i HK Hi), sum_scal_r, softmax_total by exact HK; ring.
Qed.

Theorem hessian_trace :
  forall (K : nat) (z : nat -> R),
    (1 <= K)%nat ->
    sum K (fun i => softmax K z i * (1 - softmax K z i)) = 1 - sum K (fun k => softmax K z k ^ 2).
Proof.
  intros K z HK; rewrite (sum_ext K _ (fun i => softmax K z i - softmax K z i ^ 2)) by (intros; ring).
  rewrite sum_minus, softmax_total by exact HK; reflexivity.
Qed.

Theorem hessian_diagonal_quarter :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    softmax K z i * (1 - softmax K z i) <= 1 / 4.
Proof.
  intros K z i HK Hi; assert (H := pow2_ge_0 (softmax K z i - 1 / 2)); simpl in H; lra.
Qed.

Theorem hessian_off_diagonal_sum :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    sum K (fun j => softmax K z i * softmax K z j * (1 - delta i j)) = softmax K z i * (1 - softmax K z i).
Proof.
  intros K z i HK Hi; rewrite (sum_ext K _ (fun j => softmax K z i * (softmax K z j - delta i j * softmax K z j))) by (intros; ring).
  rewrite sum_scal_l, sum_minus, softmax_total, sum_pick by assumption; ring.
Qed.

Theorem uniform_hessian :
  forall (K : nat) (s : R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    exp s * (delta i j - exp s / sum K (fun k => exp s)) / sum K (fun k => exp s) = (delta i j - 1 / INR K) /
        INR K.
Proof.
  intros K s i j HK Hi Hj; rewrite sum_const.
  assert (0 < INR K) by (apply lt_0_INR; lia); assert (E := exp_pos s); field; lra.
Qed.

Theorem uniform_eigenvalues :
  forall (K : nat) (v : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    sum K (fun j => (v j - sum K (fun k => v k) / INR K) * (delta i j - 1 / INR K) / INR K) = (v i - sum K
        (fun k => v k) / INR K) / INR K.
Proof.
  intros K v i HK Hi; assert (PK : INR K <> 0) by (apply not_0_INR; lia).
  set (m := sum K (fun k => v k) / INR K).
  rewrite (sum_ext K _ (fun j => delta i j * ((v j - m) / INR K) - (v j - m) / (INR K * INR K))) by (intros; field; exact PK).
  rewrite sum_minus, sum_pick, sum_div, sum_minus, sum_const by exact Hi; unfold m; field; exact PK.
Qed.

Theorem logpartition_gradient_is_mean :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    is_partial (fun z => lse K z) z i (sum K (fun k => softmax K z k * delta i k)).
Proof.
  intros K z i HK Hi; apply (slope_is _ _ _ _ (logsumexp_gradient K z i HK Hi)).
  rewrite (sum_ext K _ (fun k => delta i k * softmax K z k)), sum_pick by (exact Hi || intros; ring); reflexivity.
Qed.

Theorem logpartition_hessian_is_covariance :
  forall (K : nat) (z : nat -> R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall z, ex_partial (fun z => lse K z) z i) /\
    is_partial (fun z => partial (fun z => lse K z) z i) z j (sum K (fun k => softmax K z k * (delta i k -
        softmax K z i) * (delta j k - softmax K z j))).
Proof.
  intros K z i j HK Hi Hj; destruct (logsumexp_hessian K z i j HK Hi Hj) as [E H]; split; [exact E|].
  apply (slope_is _ _ _ _ H).
  rewrite (sum_ext K _ (fun k => delta i k * (softmax K z k * delta j k) - delta i k * (softmax K z k * softmax K z j)
    - delta j k * (softmax K z k * softmax K z i) + softmax K z i * softmax K z j * softmax K z k)) by (intros; ring).
  rewrite sum_plus, !sum_minus, !sum_pick, sum_scal_l, softmax_total by assumption; rewrite delta_sym; ring.
Qed.

Theorem score :
  forall (K : nat) (z : nat -> R) (i l : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= l <= K)%nat ->
    is_partial (fun z => ln (softmax K z l)) z i (delta i l - softmax K z i).
Proof.
  intros K z i l HK Hi Hl; by_slope.
  rewrite sum_pick_r, delta_sym by exact Hi; assert (P := softmax_positive K z l HK); field; lra.
Qed.

Theorem score_mean_zero :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> ex_partial (fun z => ln (softmax K z k)) z i) /\
    sum K (fun k => softmax K z k * partial (fun z => ln (softmax K z k)) z i) = 0.
Proof.
  intros K z i HK Hi; split; [intros k Hk; eapply partial_exists, score; assumption|].
  rewrite (sum_ext K _ (fun k => delta i k * softmax K z k - softmax K z k * softmax K z i)).
  - rewrite sum_minus, sum_pick, sum_scal_r, softmax_total by assumption; ring.
  - intros k Hk; rewrite (partial_unique _ _ _ _ (score K z i k HK Hi Hk)); ring.
Qed.

Theorem fisher_information :
  forall (K : nat) (z : nat -> R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> ex_partial (fun z => ln (softmax K z k)) z i) /\
    (forall k, (1 <= k <= K)%nat -> ex_partial (fun z => ln (softmax K z k)) z j) /\
    sum K (fun k => softmax K z k * partial (fun z => ln (softmax K z k)) z i * partial (fun z => ln (softmax
        K z k)) z j) = softmax K z i * (delta i j - softmax K z j).
Proof.
  intros K z i j HK Hi Hj; repeat split; [intros k Hk; eapply partial_exists, score; assumption ..|].
  rewrite (sum_ext K _ (fun k => softmax K z k * (delta i k - softmax K z i) * (delta j k - softmax K z j))).
  - rewrite (sum_ext K _ (fun k => delta i k * (softmax K z k * delta j k) - delta i k * (softmax K z k * softmax K z j)
      - delta j k * (softmax K z k * softmax K z i) + softmax K z i * softmax K z j * softmax K z k)) by (intros; ring).
    rewrite sum_plus, !sum_minus, !sum_pick, sum_scal_l, softmax_total by assumption; rewrite delta_sym; ring.
  - intros k Hk.
    rewrite (partial_unique _ _ _ _ (score K z i k HK Hi Hk)), (partial_unique _ _ _ _ (score K z j k HK Hj Hk)); ring.
Qed.

Theorem empirical_fisher :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    sum K (fun k => y k) = 1 ->
    (forall k, (1 <= k <= K)%nat -> ex_partial (fun z => ln (softmax K z k)) z i) /\
    (forall k, (1 <= k <= K)%nat -> ex_partial (fun z => ln (softmax K z k)) z j) /\
    sum K (fun k => y k * partial (fun z => ln (softmax K z k)) z i * partial (fun z => ln (softmax K z k)) z
        j) = delta i j * y i + softmax K z i * softmax K z j - softmax K z i * y j - softmax K z j * y i.
Proof.
  intros K y z i j HK Hi Hj Sy; repeat split; [intros k Hk; eapply partial_exists, score; assumption ..|].
  rewrite (sum_ext K _ (fun k => delta i k * (y k * delta j k) - delta i k * (y k * softmax K z j)
    - delta j k * (y k * softmax K z i) + softmax K z i * softmax K z j * y k)).
  - rewrite sum_plus, !sum_minus, !sum_pick, sum_scal_l, Sy by assumption; rewrite (delta_sym j i); ring.
  - intros k Hk.
    rewrite (partial_unique _ _ _ _ (score K z i k HK Hi Hk)), (partial_unique _ _ _ _ (score K z j k HK Hj Hk)); ring.
Qed.

Theorem squared_error_gradient :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    is_partial (fun z => sum K (fun k => (softmax K z k - y k) ^ 2)) z j (2 * softmax K z j * (softmax K z j -
        y j - sum K (fun k => softmax K z k * (softmax K z k - y k)))).
Proof.
  intros K y z j HK Hj; by_slope.
  rewrite (sum_ext K _ (fun k => 2 * softmax K z j * ((softmax K z k - y k) * delta k j)
    - 2 * softmax K z j * (softmax K z k * (softmax K z k - y k)))).
  - rewrite sum_minus, !sum_scal_l, (sum_pick_r K j (fun k => softmax K z k - y k)) by exact Hj; ring.
  - intros k Hk; rewrite sum_pick_r by exact Hj; simpl.
    destruct (delta_cases k j) as [[-> ->]|[_ ->]]; ring.
Qed.

Theorem squared_error_push :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    ex_partial (fun z => sum K (fun k => (softmax K z k - delta i k) ^ 2)) z i /\
    - partial (fun z => sum K (fun k => (softmax K z k - delta i k) ^ 2)) z i = 2 * sum K (fun k => (softmax K
        z k - delta i k) ^ 2) * softmax K z i.
Proof.
  intros K z i HK Hi; set (S := sum K (fun k => (softmax K z k - delta i k) ^ 2)).
  assert (H := squared_error_gradient K (fun k => delta i k) z i HK Hi); cbv beta in H.
  split; [exact (partial_exists _ _ _ _ H) | rewrite (partial_unique _ _ _ _ H), delta_same].
  assert (E : S = sum K (fun k => softmax K z k * (softmax K z k - delta i k)) - softmax K z i + 1); [|rewrite E; ring].
  unfold S; rewrite (sum_ext K _ (fun k => softmax K z k * (softmax K z k - delta i k) - delta i k * softmax K z k
    + delta i k)).
  - rewrite sum_plus, sum_minus, sum_pick, sum_delta by exact Hi; reflexivity.
  - intros k Hk; destruct (delta_cases i k) as [[_ ->]|[_ ->]]; ring.
Qed.

Theorem squared_error_push_bounded :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    ex_partial (fun z => sum K (fun k => (softmax K z k - delta i k) ^ 2)) z i /\
    - partial (fun z => sum K (fun k => (softmax K z k - delta i k) ^ 2)) z i <= 16 / 27.
Proof.
  intros K z i HK Hi; destruct (squared_error_push K z i HK Hi) as [E P]; split; [exact E|rewrite P].
  (* At most 4 p (1 - p)^2, which is largest at p = 1/3. *)
  assert (U := gradient_length_upper K z i HK Hi); assert (Q := softmax_positive K z i HK).
  set (p := softmax K z i) in *; set (S := sum K _) in *.
  assert (2 * S * p <= 2 * (2 * (1 - p) ^ 2) * p) by (apply Rmult_le_compat_r; lra).
  assert (Q1 : p <= 1).
  { unfold p; rewrite <- (softmax_total K z HK); apply (sum_term_le K i (softmax K z) Hi).
    intros; apply Rlt_le, softmax_positive, HK. }
  assert (0 <= (p - 1 / 3) ^ 2 * (4 / 3 - p)) by (apply Rmult_le_pos; [apply pow2_ge_0 | lra]); nra.
Qed.

Theorem squared_error_push_vanishes :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    ex_partial (fun z => sum K (fun k => (softmax K z k - delta i k) ^ 2)) z i /\
    - partial (fun z => sum K (fun k => (softmax K z k - delta i k) ^ 2)) z i <= 4 * softmax K z i.
Proof.
  intros K z i HK Hi; destruct (squared_error_push K z i HK Hi) as [E P]; split; [exact E|rewrite P].
  assert (U := gradient_length_upper K z i HK Hi); assert (Q := softmax_positive K z i HK).
  assert (Q1 : softmax K z i <= 1).
  { rewrite <- (softmax_total K z HK); apply (sum_term_le K i (softmax K z) Hi).
    intros; apply Rlt_le, softmax_positive, HK. }
  apply Rmult_le_compat_r; [lra|]; assert ((1 - softmax K z i) ^ 2 <= 1) by nra; lra.
Qed.

Theorem softmax_vjp :
  forall (K : nat) (v : nat -> R) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> ex_partial (fun z => softmax K z k) z j) /\
    sum K (fun k => v k * partial (fun z => softmax K z k) z j) = softmax K z j * (v j - sum K (fun k =>
        softmax K z k * v k)).
Proof.
  intros K v z j HK Hj; split; [intros k Hk; eapply partial_exists, softmax_jacobian; assumption|].
  rewrite (sum_ext K _ (fun k => v k * softmax K z k * delta k j - softmax K z j * (softmax K z k * v k))).
  - rewrite sum_minus, (sum_pick_r K j (fun k => v k * softmax K z k)), sum_scal_l by exact Hj; ring.
  - intros k Hk; rewrite (partial_unique _ _ _ _ (softmax_jacobian K z k j HK Hk Hj)); ring.
Qed.

Theorem target_gradient :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    is_partial (fun y => - sum K (fun k => y k * ln (softmax K z k))) y j (- ln (softmax K z j)).
Proof.
  intros K y z j HK Hj; by_slope; f_equal.
  rewrite (sum_ext K _ (fun k => ln (softmax K z k) * delta k j)) by (intros; ring).
  apply (sum_pick_r K j (fun k => ln (softmax K z k))), Hj.
Qed.

Theorem batch_gradient :
  forall (K : nat) (N : nat) (c : nat -> nat) (z : nat -> nat -> R) (j m : nat),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (1 <= j <= K)%nat ->
    (1 <= m <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    is_partial2 (fun z => - (sum N (fun n => ln (softmax K (z n) (c n))) / INR N)) z m j ((softmax K (z m) j -
        delta j (c m)) / INR N).
Proof.
  intros K N c z j m HK HN Hj Hm Hc; assert (PN : INR N <> 0) by (apply not_0_INR; lia).
  apply (slope_ext (fun t => sum N (fun n => lse K (upd2 z m j t n) - upd2 z m j t n (c n)) / INR N)).
  - intros t; rewrite (sum_ext N (fun n => ln _) (fun n => - (lse K (upd2 z m j t n) - upd2 z m j t n (c n)))).
    + rewrite sum_opp; field; exact PN.
    + intros n Hn; rewrite ln_softmax by exact HK; ring.
  - by_slope.
    rewrite (sum_ext N _ (fun n => delta n m * (softmax K (z n) j - delta j (c n)))).
    + rewrite (sum_pick_l N m (fun n => softmax K (z n) j - delta j (c n))) by exact Hm; field; exact PN.
    + intros n Hn; rewrite (sum_ext K _ (fun k => delta n m * (softmax K (z n) k * delta k j))) by (intros; ring).
      rewrite sum_scal_l, sum_pick_r, (delta_sym j) by exact Hj; ring.
Qed.

Theorem convex_along_lines :
  forall (K : nat) (v : nat -> R) (z : nat -> R) (t : R),
    (1 <= K)%nat ->
    (forall t, ex_derive (fun t => ln (sum K (fun k => exp (t * v k + z k)))) t) /\
    ex_derive (fun t => Derive (fun t => ln (sum K (fun k => exp (t * v k + z k)))) t) t /\
    0 <= Derive (fun t => Derive (fun t => ln (sum K (fun k => exp (t * v k + z k)))) t) t.
Proof.
  intros K v z t HK; set (w := fun t k => t * v k + z k).
  set (m := fun t => sum K (fun k => softmax K (w t) k * v k)).
  (* The slope is the mean m of v, and the slope of the mean is the variance. *)
  assert (D1 : forall t, is_derive (fun t => ln (sum K (fun k => exp (t * v k + z k)))) t (m t)).
  { intros s; change (is_derive (fun t => lse K (w t)) s (m s)); unfold w; eapply slope_is; [slope|].
    cbv beta; unfold m, w; apply sum_ext; intros; ring. }
  assert (D2 : is_derive (fun t => Derive (fun t => ln (sum K (fun k => exp (t * v k + z k)))) t) t
    (sum K (fun i => (v i - m t) ^ 2 * softmax K (w t) i))).
  { apply (slope_ext m); [intros s; symmetry; exact (is_derive_unique _ _ _ (D1 s))|].
    unfold m at 1, w at 1; eapply slope_is; [slope|]; cbv beta; fold w.
    etransitivity; [|exact (hessian_is_variance K v (w t) HK)]; rewrite sum_swap; apply sum_ext; intros i Hi.
    rewrite (sum_ext K (fun j => _ * v i * v j) (fun j => v i * ((softmax K (w t) i * (delta i j - softmax K (w t) j)) * v j))) by
      (intros; ring).
    rewrite sum_scal_l, (hessian_times_vector K v (w t) i HK Hi).
    rewrite (sum_ext K (fun k => softmax K (fun k0 => t * v k0 + z k0) k * _) (fun k => softmax K (w t) k * v k)) by
      (intros; unfold w; ring).
    unfold w; ring. }
  split; [intros s; exists (m s); apply D1|]; split; [eexists; exact D2|].
  eapply Rle_trans; [|right; symmetry; exact (is_derive_unique _ _ _ D2)]; apply sum_nonneg; intros i Hi.
  apply Rmult_le_pos; [apply pow2_ge_0 | apply Rlt_le, softmax_positive, HK].
Qed.
