"""Writes a complete folder of a tiny video backbone with random weights, in diffusers' layout, without any network.

Run from the top of the checkout: ``python -m scripts.tiny_backbone ltx2 FOLDER`` (or ``wan``). What ``parley render
--backbone`` makes with it is noise; it shows that everything fits together.
"""

from __future__ import annotations

import argparse
import string
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    LTX2ImageToVideoPipeline,
    LTX2VideoTransformer3DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
)
from diffusers.pipelines.ltx2 import LTX2TextConnectors, LTX2Vocoder
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, PreTrainedTokenizerFast, UMT5Config
from transformers.models.umt5 import UMT5EncoderModel

TEXT_LAYERS, TEXT_WIDTH = 2, 16
SPECIAL = ("<pad>", "</s>", "<unk>", "<s>")


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A token a character."""
    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *string.printable))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", bos_token="<s>"
    )


def tiny_ltx2() -> LTX2ImageToVideoPipeline:
    """LTX-2 with a patch of 32 x 32 pixels and 8 frames a token, about 60,000 weights in the transformer."""
    text = {
        "vocab_size": len(SPECIAL) + len(string.printable), "hidden_size": TEXT_WIDTH, "intermediate_size": 16,
        "num_hidden_layers": TEXT_LAYERS, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8,
        "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 3,
    }  # fmt: skip
    sight = {
        "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
        "image_size": 28, "patch_size": 14,
    }  # fmt: skip
    width, audio_width = 16, 8
    return LTX2ImageToVideoPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05),
        vae=AutoencoderKLLTX2Video(
            latent_channels=8, block_out_channels=(8,) * 4, decoder_block_out_channels=(8, 16, 32),
            layers_per_block=(1,) * 5, decoder_layers_per_block=(1,) * 4, spatial_compression_ratio=32,
            temporal_compression_ratio=8,
        ),
        audio_vae=AutoencoderKLLTX2Audio(
            base_channels=4, ch_mult=(1, 1, 1), num_res_blocks=1, latent_channels=2, mel_bins=8, resolution=32
        ),
        text_encoder=Gemma3ForConditionalGeneration(
            Gemma3Config(text_config=text, vision_config=sight, mm_tokens_per_image=4)
        ),
        tokenizer=tiny_tokenizer(),
        connectors=LTX2TextConnectors(
            caption_channels=TEXT_WIDTH, text_proj_in_factor=TEXT_LAYERS + 1, video_connector_num_attention_heads=2,
            video_connector_attention_head_dim=8, video_connector_num_layers=1,
            video_connector_num_learnable_registers=8, audio_connector_num_attention_heads=2,
            audio_connector_attention_head_dim=8, audio_connector_num_layers=1,
            audio_connector_num_learnable_registers=8, rope_double_precision=False, rope_type="split",
        ),
        transformer=LTX2VideoTransformer3DModel(
            in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=8, cross_attention_dim=width,
            audio_in_channels=4, audio_out_channels=4, audio_num_attention_heads=2, audio_attention_head_dim=4,
            audio_cross_attention_dim=audio_width, num_layers=2, caption_channels=TEXT_WIDTH, rope_type="split",
            rope_double_precision=False,
        ),
        vocoder=LTX2Vocoder(
            in_channels=16, hidden_channels=32, upsample_kernel_sizes=[4, 4], upsample_factors=[2, 2],
            resnet_kernel_sizes=[3], resnet_dilations=[[1, 3, 5]],
        ),
    )  # fmt: skip


def tiny_wan() -> WanImageToVideoPipeline:
    """Wan 2.2 (image to video, two transformers) with 16 x 16 pixels and 4 frames a token."""
    torch_config = {
        "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 36, "out_channels": 16, "text_dim": 16,
        "freq_dim": 256, "ffn_dim": 32, "num_layers": 2, "rope_max_seq_len": 32,
    }  # fmt: skip
    text = UMT5Config(
        vocab_size=len(SPECIAL) + len(string.printable), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2
    )
    return WanImageToVideoPipeline(
        tokenizer=tiny_tokenizer(),
        text_encoder=UMT5EncoderModel(text),
        vae=AutoencoderKLWan(
            base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
        ),
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        transformer=WanTransformer3DModel(**torch_config),
        transformer_2=WanTransformer3DModel(**torch_config),
        boundary_ratio=0.9,
        image_encoder=None,
        image_processor=None,
    )


TINY = {"ltx2": tiny_ltx2, "wan": tiny_wan}


def write_tiny_backbone(kind: str, folder: Path, seed: int = 0) -> Path:
    """Write the folder of a backbone, ``ltx2`` or ``wan``; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        TINY[kind]().save_pretrained(folder)
    return folder


def main() -> None:
    """Read the arguments and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=TINY)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    print(write_tiny_backbone(arguments.kind, arguments.folder))


if __name__ == "__main__":
    main()
