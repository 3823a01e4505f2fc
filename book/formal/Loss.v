(* Part one: softmax, likelihood, information. *)

From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Rcomplements Hierarchy Derive.
From Xent Require Import Definitions Tools.
Open Scope R_scope.

Theorem softmax_sum :
  forall (K : nat) (z : nat -> R),
    (1 <= K)%nat ->
    sum K (fun k => softmax K z k) = 1.
Proof.
  intros K z HK; exact (softmax_total K z HK).
Qed.

Theorem softmax_range :
  forall (K : nat) (z : nat -> R) (i : nat),
    (2 <= K)%nat ->
    (1 <= i <= K)%nat ->
    0 < softmax K z i /\
    softmax K z i < 1.
Proof.
  intros K z i HK Hi; split; [apply softmax_positive; lia|].
  assert (H : sum K (fun k => softmax K z k) = 1) by (apply softmax_total; lia).
  rewrite <- H.
  (* Another class has a share, too. *)
  set (j := if Nat.eqb i 1 then 2%nat else 1%nat).
  assert (Hj : (1 <= j <= K)%nat /\ j <> i) by (unfold j; destruct (Nat.eqb_spec i 1); lia).
  rewrite (sum_split K i) by exact Hi.
  assert (0 < sum K (fun k => softmax K z k * (1 - delta i k))); [|lra].
  rewrite <- (sum_zero K); apply (sum_lt K _ _ j); [lia| |].
  - intros k Hk; assert (P : 0 < softmax K z k) by (apply softmax_positive; lia).
    destruct (delta_cases i k) as [[_ ->]|[_ ->]]; lra.
  - rewrite delta_other by lia; assert (P : 0 < softmax K z j) by (apply softmax_positive; lia); lra.
Qed.

Theorem softmax_order :
  forall (K : nat) (z : nat -> R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    (z i < z j) <-> (softmax K z i < softmax K z j).
Proof.
  intros K z i j HK _ _; rewrite !softmax_exp by exact HK; split; intros H.
  - apply exp_increasing; lra.
  - apply exp_lt_inv in H; lra.
Qed.

Theorem softmax_ratio :
  forall (K : nat) (z : nat -> R) (i j : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (1 <= j <= K)%nat ->
    softmax K z i / softmax K z j = exp (z i - z j).
Proof.
  intros K z i j HK _ _; rewrite !softmax_exp by exact HK.
  unfold Rdiv; rewrite <- exp_Ropp, <- exp_plus; f_equal; ring.
Qed.

Theorem softmax_shift :
  forall (K : nat) (z : nat -> R) (s : R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    exp (z i + s) / sum K (fun k => exp (z k + s)) = softmax K z i.
Proof.
  intros K z s i HK _; unfold softmax.
  rewrite exp_plus, (sum_ext K (fun k => exp (z k + s)) (fun k => exp (z k) * exp s)), sum_scal_r.
  - field; split; [apply Rgt_not_eq, total_pos, HK | apply Rgt_not_eq, exp_pos].
  - intros; apply exp_plus.
Qed.

Theorem softmax_inverse :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    z i - sum K (fun k => z k) / INR K = ln (softmax K z i) - sum K (fun k => ln (softmax K z k)) / INR K.
Proof.
  intros K z i HK _; rewrite ln_softmax by exact HK.
  rewrite (sum_ext K (fun k => ln (softmax K z k)) (fun k => z k - lse K z)).
  - rewrite sum_minus, sum_const; field; apply not_0_INR; lia.
  - intros; apply ln_softmax, HK.
Qed.

Theorem softmax_evidence :
  forall (K : nat) (u : nat -> R) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < u k) ->
    exp (z i) * u i / sum K (fun k => exp (z k) * u k) = softmax K z i * u i / sum K (fun k => softmax K z k *
        u k).
Proof.
  intros K u z i HK _ Hu; unfold softmax.
  rewrite (sum_ext K (fun k => exp (z k) / sum K (fun l => exp (z l)) * u k)
    (fun k => exp (z k) * u k / sum K (fun l => exp (z l)))), sum_div.
  - assert (0 < sum K (fun k => exp (z k) * u k)).
    { apply sum_pos; [exact HK | intros; apply Rmult_lt_0_compat; [apply exp_pos | apply Hu; assumption]]. }
    assert (T := total_pos K z HK); field; lra.
  - intros; unfold Rdiv; ring.
Qed.

Theorem softmax_two_classes :
  forall (K : nat) (z : nat -> R),
    K = 2%nat ->
    softmax K z 1%nat = 1 / (1 + exp (z 2%nat - z 1%nat)).
Proof.
  intros K z ->; unfold softmax, Rminus; simpl sum; rewrite exp_plus, exp_Ropp.
  assert (H1 := exp_pos (z 1%nat)); assert (H2 := exp_pos (z 2%nat)); field; lra.
Qed.

Theorem loss_from_logits :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    - ln (softmax K z i) = lse K z - z i.
Proof.
  intros K z i HK _; rewrite ln_softmax by exact HK; ring.
Qed.

Theorem loss_of_batch :
  forall (K : nat) (N : nat) (c : nat -> nat) (z : nat -> nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    - (ln (prod N (fun n => softmax K (z n) (c n))) / INR N) = sum N (fun n => lse K (z n) - z n (c n)) / INR
        N.
Proof.
  intros K N c z HK HN _; rewrite ln_prod by (intros; apply softmax_positive, HK).
  rewrite (sum_ext N _ (fun n => - (lse K (z n) - z n (c n)))).
  - rewrite sum_opp; field; apply not_0_INR; lia.
  - intros; rewrite ln_softmax by exact HK; ring.
Qed.

Theorem uninformed_loss :
  forall (K : nat) (s : R),
    (1 <= K)%nat ->
    ln (sum K (fun k => exp s)) - s = ln (INR K).
Proof.
  intros K s HK; rewrite sum_const, ln_mult, ln_exp; [ring | apply lt_0_INR; lia | apply exp_pos].
Qed.

Theorem loss_shift :
  forall (K : nat) (z : nat -> R) (s : R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    ln (sum K (fun k => exp (z k + s))) - z i - s = lse K z - z i.
Proof.
  intros K z s i HK _; unfold lse.
  rewrite (sum_ext K (fun k => exp (z k + s)) (fun k => exp (z k) * exp s)), sum_scal_r, ln_mult, ln_exp.
  - ring.
  - apply total_pos, HK.
  - apply exp_pos.
  - intros; apply exp_plus.
Qed.

Theorem log_below_tangent :
  forall (t : R),
    0 < t ->
    ln t <= t - 1.
Proof.
  intros t Ht; assert (H := exp_ineq1_le (ln t)); rewrite exp_ln in H by exact Ht; lra.
Qed.

Theorem log_keeps_order :
  forall (u v : R),
    0 < u ->
    0 < v ->
    (u < v) <-> (ln u < ln v).
Proof.
  intros u v Hu Hv; split; intros H; [apply ln_increasing | apply ln_lt_inv]; assumption.
Qed.

Theorem log_of_product :
  forall (N : nat) (a : nat -> R),
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> 0 < a n) ->
    ln (prod N (fun n => a n)) = sum N (fun n => ln (a n)).
Proof.
  intros N a HN Ha; apply ln_prod, Ha.
Qed.

Theorem log_likelihood_keeps_order :
  forall (N : nat) (a : nat -> R) (b : nat -> R),
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> 0 < a n) ->
    (forall n, (1 <= n <= N)%nat -> 0 < b n) ->
    (prod N (fun n => a n) < prod N (fun n => b n)) <-> (sum N (fun n => ln (a n)) < sum N (fun n => ln (b
        n))).
Proof.
  intros N a b HN Ha Hb; rewrite <- !ln_prod by assumption.
  assert (0 < prod N (fun n => a n)) by (apply prod_pos, Ha).
  assert (0 < prod N (fun n => b n)) by (apply prod_pos, Hb).
  split; intros H1; [apply ln_increasing | apply ln_lt_inv]; assumption.
Qed.

Theorem gibbs_inequality :
  forall (K : nat) (q : nat -> R) (y : nat -> R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    sum K (fun k => q k) = 1 ->
    0 <= sum K (fun k => y k * ln (y k / q k)).
Proof.
  intros K q y HK Hq Hy Sy Sq.
  assert (H : sum K (fun k => y k - q k) = 0) by (rewrite sum_minus; lra); rewrite <- H.
  apply sum_le; intros k Hk; specialize (Hq k Hk); specialize (Hy k Hk).
  (* ln (q / y) <= q / y - 1, times y. *)
  assert (T : ln (q k / y k) <= q k / y k - 1) by (apply log_below_tangent, Rdiv_lt_0_compat; assumption).
  apply (Rmult_le_compat_l (y k)) in T; [|lra].
  replace (y k * (q k / y k - 1)) with (q k - y k) in T by (field; lra).
  rewrite ln_div in T |- * by assumption; lra.
Qed.

Theorem gibbs_strict :
  forall (K : nat) (q : nat -> R) (y : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    sum K (fun k => q k) = 1 ->
    y i <> q i ->
    0 < sum K (fun k => y k * ln (y k / q k)).
Proof.
  intros K q y i HK Hi Hq Hy Sy Sq Hd.
  assert (H : sum K (fun k => y k - q k) = 0) by (rewrite sum_minus; lra); rewrite <- H.
  apply (sum_lt K _ _ i Hi).
  - intros k Hk; specialize (Hq k Hk); specialize (Hy k Hk).
    assert (T : ln (q k / y k) <= q k / y k - 1) by (apply log_below_tangent, Rdiv_lt_0_compat; assumption).
    apply (Rmult_le_compat_l (y k)) in T; [|lra].
    replace (y k * (q k / y k - 1)) with (q k - y k) in T by (field; lra).
    rewrite ln_div in T |- * by assumption; lra.
  - specialize (Hq i Hi); specialize (Hy i Hi).
    assert (Hr : 0 < q i / y i) by (apply Rdiv_lt_0_compat; assumption).
    assert (Hn : q i / y i <> 1) by (intros E; apply Hd; apply (Rmult_eq_compat_r (y i)) in E; field_simplify in E; lra).
    assert (T : ln (q i / y i) < q i / y i - 1) by (apply ln_below_tangent; assumption).
    apply (Rmult_lt_compat_l (y i)) in T; [|exact Hy].
    replace (y i * (q i / y i - 1)) with (q i - y i) in T by (field; lra).
    rewrite ln_div in T |- * by assumption; lra.
Qed.

Theorem cross_entropy_split :
  forall (K : nat) (q : nat -> R) (y : nat -> R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    - sum K (fun k => y k * ln (q k)) = - sum K (fun k => y k * ln (y k)) + sum K (fun k => y k * ln (y k / q
        k)).
Proof.
  intros K q y HK Hq Hy; rewrite <- !sum_opp, <- sum_plus; apply sum_ext; intros k Hk.
  rewrite ln_div by (apply Hy || apply Hq; exact Hk); ring.
Qed.

Theorem categorical_maximum_likelihood :
  forall (K : nat) (q : nat -> R) (y : nat -> R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    sum K (fun k => q k) = 1 ->
    sum K (fun k => y k * ln (q k)) <= sum K (fun k => y k * ln (y k)).
Proof.
  intros K q y HK Hq Hy Sy Sq; assert (G := gibbs_inequality K q y HK Hq Hy Sy Sq).
  assert (E := cross_entropy_split K q y HK Hq Hy); lra.
Qed.

Theorem categorical_maximum_likelihood_only :
  forall (K : nat) (q : nat -> R) (y : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    sum K (fun k => q k) = 1 ->
    y i <> q i ->
    sum K (fun k => y k * ln (q k)) < sum K (fun k => y k * ln (y k)).
Proof.
  intros K q y i HK Hi Hq Hy Sy Sq Hd; assert (G := gibbs_strict K q y i HK Hi Hq Hy Sy Sq Hd).
  assert (E := cross_entropy_split K q y HK Hq Hy); lra.
Qed.

Theorem entropy_at_most_log_k :
  forall (K : nat) (y : nat -> R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    - sum K (fun k => y k * ln (y k)) <= ln (INR K).
Proof.
  intros K y HK Hy Sy; assert (PK : 0 < INR K) by (apply lt_0_INR; lia).
  assert (G : 0 <= sum K (fun k => y k * ln (y k / (1 / INR K)))).
  { apply gibbs_inequality; auto; [intros; apply Rdiv_lt_0_compat; lra | rewrite sum_const; field; lra]. }
  rewrite (sum_ext K _ (fun k => y k * ln (y k) + y k * ln (INR K))), sum_plus, sum_scal_r, Sy in G.
  - lra.
  - intros k Hk; specialize (Hy k Hk); rewrite <- Rmult_plus_distr_l, <- ln_mult by assumption.
    do 2 f_equal; field; lra.
Qed.

Theorem entropy_below_log_k :
  forall (K : nat) (y : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    y i <> 1 / INR K ->
    - sum K (fun k => y k * ln (y k)) < ln (INR K).
Proof.
  intros K y i HK Hi Hy Sy Hd; assert (PK : 0 < INR K) by (apply lt_0_INR; lia).
  assert (G : 0 < sum K (fun k => y k * ln (y k / (1 / INR K)))).
  { apply (gibbs_strict K (fun _ => 1 / INR K) y i); auto;
      [intros; apply Rdiv_lt_0_compat; lra | rewrite sum_const; field; lra]. }
  rewrite (sum_ext K _ (fun k => y k * ln (y k) + y k * ln (INR K))), sum_plus, sum_scal_r, Sy in G.
  - lra.
  - intros k Hk; specialize (Hy k Hk); rewrite <- Rmult_plus_distr_l, <- ln_mult by assumption.
    do 2 f_equal; field; lra.
Qed.

Theorem optimal_logits :
  forall (K : nat) (y : nat -> R) (s : R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    exp s * y i / sum K (fun k => exp s * y k) = y i.
Proof.
  intros K y s i HK Hi Hy Sy; rewrite sum_scal_l, Sy; field; apply Rgt_not_eq, exp_pos.
Qed.

Theorem counts_sum :
  forall (K : nat) (N : nat) (c : nat -> nat),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    sum K (fun k => sum N (fun n => delta k (c n))) = INR N.
Proof.
  intros K N c HK HN Hc; rewrite sum_swap, (sum_ext N _ (fun _ => 1)), sum_const; [ring|].
  intros n Hn; rewrite (sum_ext K _ (fun k => delta (c n) k)) by (intros; apply delta_sym).
  apply sum_delta, Hc, Hn.
Qed.

Theorem log_likelihood_of_counts :
  forall (K : nat) (N : nat) (c : nat -> nat) (q : nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    ln (prod N (fun n => q (c n))) = sum K (fun k => sum N (fun n => delta k (c n)) * ln (q k)).
Proof.
  intros K N c q HK HN Hc Hq; rewrite ln_prod by (intros; apply Hq, Hc; assumption).
  (* Each sample, counted with its class. *)
  rewrite (sum_ext K _ (fun k => sum N (fun n => delta (c n) k * ln (q k)))).
  - rewrite sum_swap; apply sum_ext; intros n Hn; symmetry; apply (sum_pick K (c n) (fun k => ln (q k))), Hc, Hn.
  - intros k Hk; rewrite <- sum_scal_r; apply sum_ext; intros; rewrite delta_sym; reflexivity.
Qed.

Theorem likelihood_of_counts :
  forall (K : nat) (N : nat) (c : nat -> nat) (q : nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    prod N (fun n => q (c n)) = prod K (fun k => Rpower (q k) (sum N (fun n => delta k (c n)))).
Proof.
  intros K N c q HK HN Hc Hq.
  assert (P : 0 < prod N (fun n => q (c n))) by (apply prod_pos; intros; apply Hq, Hc; assumption).
  rewrite <- (exp_ln _ P), (log_likelihood_of_counts K N c q HK HN Hc Hq); apply exp_sum.
Qed.

Theorem sum_of_probabilities :
  forall (K : nat) (N : nat) (c : nat -> nat) (q : nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    sum N (fun n => q (c n)) = sum K (fun k => sum N (fun n => delta k (c n)) * q k).
Proof.
  intros K N c q HK HN Hc _.
  rewrite (sum_ext K _ (fun k => sum N (fun n => delta (c n) k * q k))).
  - rewrite sum_swap; apply sum_ext; intros n Hn; symmetry; apply sum_pick, Hc, Hn.
  - intros k Hk; rewrite <- sum_scal_r; apply sum_ext; intros; rewrite delta_sym; reflexivity.
Qed.

Theorem batch_likelihood :
  forall (K : nat) (N : nat) (c : nat -> nat) (z : nat -> nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    prod N (fun n => softmax K (z n) (c n)) = exp (sum N (fun n => z n (c n) - lse K (z n))).
Proof.
  intros K N c z HK HN _; rewrite exp_sum; apply prod_ext; intros; apply softmax_exp, HK.
Qed.

Theorem maximum_likelihood_is_minimum_loss :
  forall (N : nat) (r : nat -> R) (v : nat -> R),
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> 0 < r n) ->
    (forall n, (1 <= n <= N)%nat -> 0 < v n) ->
    (prod N (fun n => r n) < prod N (fun n => v n)) <-> (- (sum N (fun n => ln (v n)) / INR N) < - (sum N (fun
        n => ln (r n)) / INR N)).
Proof.
  intros N r v HN Hr Hv; assert (PN : 0 < INR N) by (apply lt_0_INR; lia).
  assert (0 < prod N (fun n => r n)) by (apply prod_pos, Hr).
  assert (0 < prod N (fun n => v n)) by (apply prod_pos, Hv).
  rewrite <- !ln_prod by assumption; split; intros H1.
  - apply Ropp_lt_contravar, Rmult_lt_compat_r; [apply Rinv_0_lt_compat, PN | apply ln_increasing; assumption].
  - apply Ropp_lt_cancel in H1; apply Rmult_lt_reg_r in H1; [|apply Rinv_0_lt_compat, PN].
    apply ln_lt_inv; assumption.
Qed.

Theorem loss_positive :
  forall (K : nat) (z : nat -> R) (i : nat),
    (2 <= K)%nat ->
    (1 <= i <= K)%nat ->
    0 < - ln (softmax K z i).
Proof.
  intros K z i HK Hi; destruct (softmax_range K z i HK Hi) as [P L].
  assert (H := ln_increasing _ _ P L); rewrite ln_1 in H; lra.
Qed.

Theorem one_hot_term :
  forall (K : nat) (N : nat) (c : nat -> nat) (z : nat -> nat -> R) (n : nat),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (1 <= n <= N)%nat ->
    (forall m, (1 <= m <= N)%nat -> (1 <= c m <= K)%nat) ->
    sum K (fun k => delta k (c n) * ln (softmax K (z n) k)) = ln (softmax K (z n) (c n)).
Proof.
  intros K N c z n HK HN Hn Hc.
  rewrite (sum_ext K _ (fun k => delta (c n) k * ln (softmax K (z n) k))).
  - apply (sum_pick K (c n) (fun k => ln (softmax K (z n) k))), Hc, Hn.
  - intros; rewrite delta_sym; reflexivity.
Qed.

Theorem loss_is_mean_cross_entropy :
  forall (K : nat) (N : nat) (c : nat -> nat) (z : nat -> nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    - (sum N (fun n => ln (softmax K (z n) (c n))) / INR N) = sum N (fun n => - sum K (fun k => delta k (c n)
        * ln (softmax K (z n) k))) / INR N.
Proof.
  intros K N c z HK HN Hc.
  rewrite (sum_ext N (fun n => - sum K _) (fun n => - ln (softmax K (z n) (c n)))).
  - rewrite sum_opp; field; apply not_0_INR; lia.
  - intros n Hn; rewrite (one_hot_term K N c z n HK HN Hn Hc); reflexivity.
Qed.

Theorem cross_entropy_from_logits :
  forall (K : nat) (N : nat) (c : nat -> nat) (z : nat -> nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    sum N (fun n => - sum K (fun k => delta k (c n) * ln (softmax K (z n) k))) / INR N = sum N (fun n => lse K
        (z n) - z n (c n)) / INR N.
Proof.
  intros K N c z HK HN Hc; f_equal; apply sum_ext; intros n Hn.
  rewrite (one_hot_term K N c z n HK HN Hn Hc), ln_softmax by exact HK; ring.
Qed.

Theorem soft_target_from_logits :
  forall (K : nat) (y : nat -> R) (z : nat -> R),
    (1 <= K)%nat ->
    sum K (fun k => y k) = 1 ->
    - sum K (fun k => y k * ln (softmax K z k)) = lse K z - sum K (fun k => y k * z k).
Proof.
  intros K y z HK Sy.
  rewrite (sum_ext K _ (fun k => y k * z k - y k * lse K z)), sum_minus, sum_scal_r, Sy; [ring|].
  intros; rewrite ln_softmax by exact HK; ring.
Qed.

Theorem nll_is_cross_entropy :
  forall (K : nat) (N : nat) (c : nat -> nat) (q : nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    - (sum N (fun n => ln (q (c n))) / INR N) = - sum K (fun k => (sum N (fun n => delta k (c n)) / INR N) *
        ln (q k)).
Proof.
  intros K N c q HK HN Hc Hq; f_equal.
  rewrite <- ln_prod by (intros; apply Hq, Hc; assumption).
  rewrite (log_likelihood_of_counts K N c q HK HN Hc Hq), <- sum_div.
  apply sum_ext; intros; unfold Rdiv; ring.
Qed.

Theorem binary_cross_entropy :
  forall (K : nat) (y : nat -> R) (z : nat -> R),
    K = 2%nat ->
    sum K (fun k => y k) = 1 ->
    - sum K (fun k => y k * ln (softmax K z k)) = - ((1 - y 1%nat) * ln (1 - softmax K z 1%nat)) - y 1%nat *
        ln (softmax K z 1%nat).
Proof.
  intros K y z -> Sy; simpl sum in *.
  assert (H := softmax_total 2 z ltac:(lia)); simpl sum in H.
  replace (softmax 2 z 2) with (1 - softmax 2 z 1) by lra.
  replace (y 2%nat) with (1 - y 1%nat) by lra; ring.
Qed.

Theorem cross_entropy_linear :
  forall (K : nat) (a : nat -> R) (q : nat -> R) (y : nat -> R) (t : R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    - sum K (fun k => (t * y k + a k * (1 - t)) * ln (q k)) = t * (- sum K (fun k => y k * ln (q k))) + (- sum
        K (fun k => a k * ln (q k))) * (1 - t).
Proof.
  intros K a q y t HK _; rewrite !Ropp_mult_distr_r_reverse, Ropp_mult_distr_l_reverse.
  rewrite <- sum_scal_l, <- sum_scal_r, <- !sum_opp, <- sum_plus; apply sum_ext; intros; ring.
Qed.

Theorem code_length_bound :
  forall (K : nat) (lambda : nat -> R) (y : nat -> R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < lambda k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    1 + - sum K (fun k => y k * ln (y k)) - sum K (fun k => Rpower 2 (- lambda k)) <= ln 2 * sum K (fun k =>
        lambda k * y k).
Proof.
  intros K l y HK Hl Hy Sy.
  (* For each word y (ln y - ln 2^(-l)) >= y - 2^(-l), as for Gibbs' inequality. *)
  assert (H : sum K (fun k => y k - Rpower 2 (- l k)) <= sum K (fun k => y k * ln (y k) + ln 2 * (l k * y k))).
  { apply sum_le; intros k Hk; specialize (Hy k Hk).
    assert (Hr : 0 < Rpower 2 (- l k)) by apply exp_pos.
    assert (T := log_below_tangent _ (Rdiv_lt_0_compat _ _ Hr Hy)).
    apply (Rmult_le_compat_l (y k)) in T; [|lra].
    replace (y k * (Rpower 2 (- l k) / y k - 1)) with (Rpower 2 (- l k) - y k) in T by (field; lra).
    rewrite ln_div in T by assumption; unfold Rpower in T at 1; rewrite ln_exp in T; lra. }
  rewrite sum_minus, sum_plus, sum_scal_l, Sy in H; lra.
Qed.

Theorem loss_is_geometric_mean :
  forall (K : nat) (N : nat) (c : nat -> nat) (z : nat -> nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> (1 <= c n <= K)%nat) ->
    exp (- (- (sum N (fun n => ln (softmax K (z n) (c n))) / INR N))) = Rpower (prod N (fun n => softmax K (z
        n) (c n))) (1 / INR N).
Proof.
  intros K N c z HK HN _; unfold Rpower.
  rewrite ln_prod by (intros; apply softmax_positive, HK).
  f_equal; field; apply not_0_INR; lia.
Qed.

Theorem perplexity_of_uniform :
  forall (K : nat) (y : nat -> R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    exp (- sum K (fun k => y k * ln (1 / INR K))) = INR K.
Proof.
  intros K y HK _ Sy; assert (PK : 0 < INR K) by (apply lt_0_INR; lia).
  rewrite sum_scal_r, Sy; unfold Rdiv; rewrite !Rmult_1_l, ln_Rinv, Ropp_involutive by exact PK.
  apply exp_ln, PK.
Qed.

Theorem bits_from_nats :
  forall (K : nat) (q : nat -> R) (y : nat -> R),
    (1 <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < q k) ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => - (y k * ln (q k) / ln 2)) = (- sum K (fun k => y k * ln (q k))) / ln 2.
Proof.
  intros K q y HK _ _; unfold Rdiv; rewrite sum_opp, sum_scal_r; ring.
Qed.

Theorem entropies_add :
  forall (K : nat) (N : nat) (u : nat -> R) (y : nat -> R),
    (1 <= K)%nat ->
    (1 <= N)%nat ->
    (forall n, (1 <= n <= N)%nat -> 0 < u n) ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    sum N (fun n => u n) = 1 ->
    - sum K (fun k => sum N (fun n => u n * y k * ln (u n * y k))) = - sum N (fun n => u n * ln (u n)) + - sum
        K (fun k => y k * ln (y k)).
Proof.
  intros K N u y HK HN Hu Hy Sy Su.
  rewrite (sum_ext K _ (fun k => y k * sum N (fun n => u n * ln (u n)) + y k * ln (y k))).
  - rewrite sum_plus, sum_scal_r, Sy; ring.
  - intros k Hk.
    rewrite (sum_ext N _ (fun n => y k * (u n * ln (u n)) + u n * (y k * ln (y k)))).
    + rewrite sum_plus, sum_scal_l, sum_scal_r, Su; ring.
    + intros n Hn; rewrite ln_mult by (apply Hu || apply Hy; assumption); ring.
Qed.

Theorem soft_target_gradient :
  forall (K : nat) (y : nat -> R) (z : nat -> R) (j : nat),
    (1 <= K)%nat ->
    (1 <= j <= K)%nat ->
    (forall k, (1 <= k <= K)%nat -> 0 < y k) ->
    sum K (fun k => y k) = 1 ->
    is_partial (fun z => - sum K (fun k => y k * ln (softmax K z k))) z j (softmax K z j - y j).
Proof.
  intros K y z j HK Hj _ Sy.
  apply (slope_ext (fun t => lse K (upd z j t) - sum K (fun k => y k * upd z j t k))).
  { intros t; symmetry; apply soft_target_from_logits; assumption. }
  by_slope; rewrite sum_pick_r by exact Hj; f_equal.
  rewrite (sum_ext K _ (fun k => y k * delta k j)) by (intros; ring).
  apply sum_pick_r, Hj.
Qed.

Theorem push_of_cross_entropy :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    ex_partial (fun z => - ln (softmax K z i)) z i /\
    - partial (fun z => - ln (softmax K z i)) z i = 1 - softmax K z i.
Proof.
  intros K z i HK Hi.
  assert (H : is_partial (fun z => - ln (softmax K z i)) z i (softmax K z i - 1)).
  { by_slope; rewrite sum_pick_r, delta_same by exact Hi.
    assert (P := softmax_positive K z i HK); field; lra. }
  split; [exact (partial_exists _ _ _ _ H) | rewrite (partial_unique _ _ _ _ H); ring].
Qed.

Theorem push_of_squared_error :
  forall (K : nat) (z : nat -> R) (i : nat),
    (1 <= K)%nat ->
    (1 <= i <= K)%nat ->
    ex_partial (fun z => (1 - softmax K z i) ^ 2) z i /\
    - partial (fun z => (1 - softmax K z i) ^ 2) z i = 2 * (1 - softmax K z i) ^ 2 * softmax K z i.
Proof.
  intros K z i HK Hi.
  assert (H : is_partial (fun z => (1 - softmax K z i) ^ 2) z i (- 2 * (1 - softmax K z i) ^ 2 * softmax K z i)).
  { by_slope; rewrite sum_pick_r, delta_same by exact Hi; simpl; ring. }
  split; [exact (partial_exists _ _ _ _ H) | rewrite (partial_unique _ _ _ _ H); ring].
Qed.
